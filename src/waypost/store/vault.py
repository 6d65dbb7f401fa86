"""Secrets and pushes at rest: AES-256-GCM under the installation's key, bound to their account and owner."""

import hmac
import os
from functools import lru_cache
from hashlib import sha256
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12
_FORMAT: Final = b"\x01"


class WrongKey(Exception):
    """The secret was sealed under another key, for another endpoint, or was changed."""


class Vault:
    """Seals and opens secrets. The key is the SHA-256 of ``SECRET_KEY``'s text; it is never shown."""

    def __init__(self, secret_key: str) -> None:
        self._cipher = AESGCM(sha256(secret_key.encode()).digest())
        self._tag_key = sha256(b"tags" + secret_key.encode()).digest()
        self._opened = lru_cache(maxsize=4096)(self._decrypt)

    def seal(self, secret: str, *, account: UUID, endpoint: UUID) -> bytes:
        """Return the bytes to store; different ones each time."""
        return self.seal_bytes(secret.encode(), account=account, owner=endpoint)

    def open(self, sealed: bytes, *, account: UUID, endpoint: UUID) -> str:
        """Return the secret. Raise WrongKey if it was not sealed by this key for this endpoint."""
        return self._opened(sealed, account.bytes + endpoint.bytes)

    def seal_bytes(self, data: bytes, *, account: UUID, owner: UUID) -> bytes:
        """Return data as it is stored, sealed for its owner; different bytes each time."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, data, account.bytes + owner.bytes)

    def open_bytes(self, sealed: bytes, *, account: UUID, owner: UUID) -> bytes:
        """Return the data, which is not cached as secrets are. Raise WrongKey as ``open`` does."""
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, rest, account.bytes + owner.bytes)
        except (InvalidTag, ValueError) as error:
            raise WrongKey("a secret in the database was sealed under another WAYPOST_SECRET_KEY") from error

    def tag(self, data: bytes) -> bytes:
        """Return 32 bytes that nobody without the installation's key can derive from the data."""
        return hmac.digest(self._tag_key, data, "sha256")

    def _decrypt(self, sealed: bytes, bound_to: bytes) -> str:
        account, endpoint = UUID(bytes=bound_to[:16]), UUID(bytes=bound_to[16:])
        try:
            return self.open_bytes(sealed, account=account, owner=endpoint).decode()
        except UnicodeDecodeError as error:
            raise WrongKey("a secret in the database was sealed under another WAYPOST_SECRET_KEY") from error
