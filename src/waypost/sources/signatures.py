"""How pushes are authenticated: four families of signatures, each compared in constant time.

Each function returns which form was used and raises WrongSignature, whose text names what is wrong and no secret.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from waypost.domain.inbound import Push, WrongSignature

HEX: Final = "hex"
BASE64: Final = "base64"
_DIGEST_BYTES: Final = 32


def header(push: Push, name: str) -> str:
    """Return a header's value. Raise WrongSignature if the push has none of that name."""
    value = push.headers.get(name.lower(), "").strip()
    if not value:
        raise WrongSignature(f"The header {name} is missing.")
    return value


def secret_of(credentials: Mapping[str, str], name: str = "secret") -> str:
    """Return a credential. Raise WrongSignature if the connection has none yet, as before the sender has shown it."""
    if name not in credentials:
        raise WrongSignature("This connection has no secret yet: add it with Replace credentials.")
    return credentials[name]


def hmac_sha256(key: str, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of a message under a text as key."""
    return hmac.digest(key.encode(), message, "sha256")


def check_digest(sent: str, expected: bytes, *, name: str, forms: Iterable[str]) -> str:
    """Compare a digest in one of these forms, and return the form."""
    for form in forms:
        decoded = _decoded(sent, form)
        if decoded is not None and hmac.compare_digest(decoded, expected):
            return form
    raise WrongSignature(
        f"The signature in {name} does not match: the secret is another one, or the body was changed on its way."
    )


def check_text(sent: str, expected: str, *, name: str) -> None:
    """Compare a push's credential that is sent as plain text."""
    if not hmac.compare_digest(sha256(sent.encode()).digest(), sha256(expected.encode()).digest()):
        raise WrongSignature(f"The credential in {name} is another one than this connection's.")


def bearer(push: Push) -> str:
    """Return the token in a push's header Authorization."""
    kind, _, token = header(push, "Authorization").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise WrongSignature("The header Authorization has no bearer token.")
    return token.strip()


def _decoded(text: str, form: str) -> bytes | None:
    """Return the 32 bytes that a text stands for; None for any other text, and for an odd spelling.

    Lenient decoders would accept several spellings, so that a changed signature could still be the right one.
    """
    try:
        raw = bytes.fromhex(text) if form == HEX else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    if len(raw) != _DIGEST_BYTES:
        return None
    spellings = (raw.hex(), raw.hex().upper()) if form == HEX else (base64.b64encode(raw).decode(),)
    return raw if text in spellings else None
