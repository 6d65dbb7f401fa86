"""Standard Webhooks: the headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``.

An endpoint has one secret. Ours is ``whsec_`` and the base64 of 32 random bytes, and those bytes are the key. One
that was brought along is the V4 key as it stands; here its own bytes are the key, so its form for a library of
Standard Webhooks is ``whsec_`` and the base64 of its bytes. One that was brought along in that form already keeps it:
the text alone decides, so a secret means the same wherever it is typed.
"""

import base64
import binascii
import hmac
import re
from functools import lru_cache
from typing import Final

from waypost.signing.digests import digest
from waypost.signing.errors import Check, InvalidSecret, VerificationError
from waypost.signing.freshness import TOLERANCE_SECONDS, check_timestamp

PREFIX: Final = "whsec_"
VERSION: Final = "v1,"
KEY_BYTES: Final = 32
SHORTEST: Final = 16
LONGEST: Final = 128

_PRINTABLE: Final = re.compile(r"[ -~]+")
_ID: Final = re.compile(r"[!-~]{1,256}")
_SECRETS_HELD: Final = 4096


def make_secret(random: bytes) -> str:
    """Make a secret of our own from 32 random bytes; ValueError for any other number of them."""
    if len(random) != KEY_BYTES:
        raise ValueError(f"a secret is made of {KEY_BYTES} random bytes, not of {len(random)}")
    return PREFIX + base64.b64encode(random).decode()


def check_secret(secret: str) -> None:
    """Return if a secret may be brought along: 16 to 128 printable ASCII characters; else raise InvalidSecret.

    One that begins with ``whsec_`` must go on with the base64 of at least 16 bytes: receivers' libraries decode it.
    One that was meant so and is written in another way is refused, for its bytes would be no receiver's key.
    """
    if len(secret) > LONGEST:
        raise InvalidSecret(f"has more than {LONGEST} characters")
    if secret != secret.strip():
        raise InvalidSecret("has white space at one end: leave it out")
    meant = secret.removeprefix(VERSION).lstrip()
    if meant.lower().startswith(PREFIX) and not secret.startswith(PREFIX):
        raise InvalidSecret(f"must begin with {PREFIX}, in small letters and with nothing before it")
    key_of(secret)


@lru_cache(maxsize=_SECRETS_HELD)
def key_of(secret: str) -> bytes:
    """Give the key of the Standard Webhooks signature; InvalidSecret for a secret that has none."""
    if len(secret) < SHORTEST:
        raise InvalidSecret(f"has fewer than {SHORTEST} characters")
    if not _PRINTABLE.fullmatch(secret):
        raise InvalidSecret("has characters other than printable ASCII")
    if not secret.startswith(PREFIX):
        return secret.encode()
    key = _decoded(secret.removeprefix(PREFIX))
    if key is None or len(key) < SHORTEST:
        raise InvalidSecret(f"begins with {PREFIX}, but does not go on with the base64 of at least {SHORTEST} bytes")
    return key


def standard_secret(secret: str) -> str:
    """Give a secret as the libraries of Standard Webhooks take it: ``whsec_`` and the base64 of its key.

    Raises InvalidSecret as ``key_of`` does.
    """
    return PREFIX + base64.b64encode(key_of(secret)).decode()


def sign(message_id: str, timestamp: int, body: bytes, key: bytes) -> str:
    """Give the signature ``v1,<base64>`` of a message: of its id, its timestamp (Unix seconds) and its raw body."""
    return _sign(message_id, str(timestamp), body, key)


def verify(
    message_id: str | None,
    timestamp: str | None,
    signatures: str | None,
    body: bytes,
    key: bytes,
    *,
    now: int,
    tolerance: int = TOLERANCE_SECONDS,
) -> None:
    """Return if one of the signatures fits; else raise VerificationError.

    Takes the values of the three headers (None for a missing one) and the body as it came, before any decoding.
    ``signatures`` may hold several, apart by spaces; those of other versions than ``v1`` are passed over.
    ``now`` and ``tolerance`` are seconds. Compares in constant time.
    """
    if not message_id:
        raise VerificationError(Check.ID_MISSING, "The id is missing.")
    if not _ID.fullmatch(message_id):
        raise VerificationError(Check.ID_MALFORMED, "The id has characters that no id has, or too many.")
    fresh = check_timestamp(timestamp, now=now, tolerance=tolerance)
    offered = _offered(signatures)
    expected = _sign(message_id, fresh, body, key)
    fits = [hmac.compare_digest(signature, expected) for signature in offered]
    if not any(fits):
        raise VerificationError(
            Check.SIGNATURE_MISMATCH, "No signature fits: another secret, another id or timestamp, or a changed body."
        )


def _offered(signatures: str | None) -> list[str]:
    if not signatures:
        raise VerificationError(Check.SIGNATURE_MISSING, "The signature is missing.")
    offered = [entry for entry in signatures.split(" ") if entry.startswith(VERSION) and entry.isascii()]
    if not offered:
        raise VerificationError(Check.SIGNATURE_MALFORMED, "There is no signature of the form v1,<base64>.")
    return offered


def _sign(message_id: str, timestamp: str, body: bytes, key: bytes) -> str:
    signed = digest(key, f"{message_id}.{timestamp}.".encode(), body)
    return VERSION + binascii.b2a_base64(signed, newline=False).decode()


def _decoded(text: str) -> bytes | None:
    """Decode base64 in its one canonical spelling: what other libraries would read otherwise is not taken."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return decoded if base64.b64encode(decoded).decode() == text else None
