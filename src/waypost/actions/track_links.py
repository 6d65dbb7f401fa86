"""Links to public tracking pages. Their token contains the tracking's id, sealed.

Tokens can't be forged and reveal nothing about the parcel, and a parcel always has the same link.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import sha256
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PREFIX: Final = "/track/"
_TOKEN_LENGTH: Final = 43
"""16 bytes of id under 16 bytes of seal (AES-SIV, RFC 5297), in URL-safe base64 without padding."""


class TrackLinks:
    """Creates and reads links. The key is derived from ``SECRET_KEY``; a different key changes all links."""

    def __init__(self, secret_key: str, *, public_url: str | None) -> None:
        self._cipher = AESSIV(sha256(b"track links" + secret_key.encode()).digest())
        self._public_url = public_url

    def path(self, tracking: UUID) -> str:
        """Return the page's path on this server."""
        return PREFIX + urlsafe_b64encode(self._cipher.encrypt(tracking.bytes, None)).decode().rstrip("=")

    def link(self, tracking: UUID) -> str | None:
        """Return the page's URL under ``PUBLIC_URL``; None if that is not set, since a request's host can be forged."""
        return None if self._public_url is None else self._public_url + self.path(tracking)

    def tracking_of(self, token: str) -> UUID | None:
        """Return the tracking of a token; None for a token that this installation did not create."""
        if len(token) != _TOKEN_LENGTH or not token.isascii():
            return None
        try:
            sealed = urlsafe_b64decode(token + "=")
            identifier = UUID(bytes=self._cipher.decrypt(sealed, None))
        except (Error, InvalidTag, ValueError):
            return None
        # Base64 has spare bits: of the spellings of a token only ours is accepted, so that a page has one URL.
        return identifier if self.path(identifier) == PREFIX + token else None
