"""Endpoint secrets at rest: AES-256-GCM under the installation's key, bound to their account and endpoint."""

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
        self._opened = lru_cache(maxsize=4096)(self._decrypt)

    def seal(self, secret: str, *, account: UUID, endpoint: UUID) -> bytes:
        """Return the bytes to store; different ones each time."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, secret.encode(), account.bytes + endpoint.bytes)

    def open(self, sealed: bytes, *, account: UUID, endpoint: UUID) -> str:
        """Return the secret. Raise WrongKey if it was not sealed by this key for this endpoint."""
        return self._opened(sealed, account.bytes + endpoint.bytes)

    def _decrypt(self, sealed: bytes, bound_to: bytes) -> str:
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, rest, bound_to).decode()
        except (InvalidTag, ValueError) as error:
            raise WrongKey("a secret in the database was sealed under another SECRET_KEY") from error
