"""Standard Webhooks: the headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``.

An endpoint has one secret. A secret made by Waypost is ``whsec_`` and the base64 of 32 random bytes, and those bytes
are the key. A secret that the user brought along is the V4 key unchanged; its own bytes are the key here, so libraries
for Standard Webhooks take it as ``whsec_`` and the base64 of its bytes. One that was brought along in that form already
keeps it: the text alone decides, so a secret means the same wherever it is typed.
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
    """Return a new secret made of 32 random bytes. Raise ValueError for any other number of bytes."""
    if len(random) != KEY_BYTES:
        raise ValueError(f"a secret is made of {KEY_BYTES} random bytes, not of {len(random)}")
    return PREFIX + base64.b64encode(random).decode()


def check_secret(secret: str) -> None:
    """Raise InvalidSecret unless a secret may be brought along: 16 to 128 printable ASCII characters.

    One that begins with ``whsec_`` must continue with the base64 of at least 16 bytes, because receivers' libraries
    decode it.
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
    """Return the key of the Standard Webhooks signature. Raise InvalidSecret for a secret without one."""
    if len(secret) < SHORTEST:
        raise InvalidSecret(f"has fewer than {SHORTEST} characters")
    if not _PRINTABLE.fullmatch(secret):
        raise InvalidSecret("has characters other than printable ASCII")
    if not secret.startswith(PREFIX):
        return secret.encode()
    key = _decoded(secret.removeprefix(PREFIX))
    if key is None or len(key) < SHORTEST:
        raise InvalidSecret(f"begins with {PREFIX}, but does not continue with the base64 of at least {SHORTEST} bytes")
    return key


def standard_secret(secret: str) -> str:
    """Return a secret as libraries for Standard Webhooks take it: ``whsec_`` and the base64 of its key.

    Raise InvalidSecret as ``key_of`` does.
    """
    return PREFIX + base64.b64encode(key_of(secret)).decode()


def sign(message_id: str, timestamp: int, body: bytes, key: bytes) -> str:
    """Return the signature ``v1,<base64>`` of a message's id, timestamp (Unix seconds) and raw body."""
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
    """Raise VerificationError unless one of the signatures matches.

    Takes the values of the three headers (None for a missing one) and the body as it arrived, before any decoding.
    ``signatures`` may contain several, separated by spaces; those of versions other than ``v1`` are ignored. ``now``
    and ``tolerance`` are seconds. Compares in constant time.
    """
    if not message_id:
        raise VerificationError(Check.ID_MISSING, "The id is missing.")
    if not _ID.fullmatch(message_id):
        raise VerificationError(Check.ID_MALFORMED, "The id contains invalid characters or is too long.")
    fresh = check_timestamp(timestamp, now=now, tolerance=tolerance)
    offered = _offered(signatures)
    expected = _sign(message_id, fresh, body, key)
    fits = [hmac.compare_digest(signature, expected) for signature in offered]
    if not any(fits):
        raise VerificationError(
            Check.SIGNATURE_MISMATCH,
            "No signature matches: different secret, id or timestamp, or a changed body.",
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
    """Return the bytes of canonical base64; spellings that other libraries may read differently are rejected."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return decoded if base64.b64encode(decoded).decode() == text else None
