"""What an installation has once: its secret key, and in the database a check value that only that key produces."""

import hmac
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Final

from waypost.domain.errors import OperatorError
from waypost.store.embedded.folder import DatabaseUser, find_folder, read_small, replacing, sync_folder
from waypost.store.statements import Session, execute, fetch_one

_CHECK: Final = "secret_key_check"
_KEY_BYTES: Final = 32


class WrongSecretKey(OperatorError):
    """The database was created with another secret key, or the key is missing; the message says what to do."""


class KeyFile:
    """The file ``secret.key`` of a data directory: mode 0600, of the directory's owner."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.path = data_dir / "secret.key"

    def read(self) -> str | None:
        """Return the key, None if there is no file. Raise WrongSecretKey for a file without a key."""
        text = read_small(self.path)
        if text is not None and len(text.strip()) < _KEY_BYTES:
            raise WrongSecretKey(f"{self.path} holds no key: bring it back from the same backup as the database.")
        return text and text.strip()

    def make(self) -> str:
        """Create a key, write it and return it; it survives a power failure."""
        key = secrets.token_urlsafe(_KEY_BYTES)
        self.write(key)
        return key

    def write(self, key: str) -> None:
        """Write the key to the file; it survives a power failure."""
        folder = find_folder(self._data_dir)
        if folder is None:
            raise FileNotFoundError(self._data_dir)
        with replacing(folder, self.path, key + "\n", reader=DatabaseUser(folder.uid, folder.gid, None)):
            pass
        sync_folder(folder.path)


async def check_secret_key(session: Session, key: str, *, came_from: str) -> None:
    """Store the check value of this key, or compare it with the stored one. Raise WrongSecretKey if they differ."""
    await execute(session, "add_installation_value", _CHECK, check_value(key))
    kept = await _value(session, _CHECK)
    if kept is None or not hmac.compare_digest(kept, check_value(key)):
        raise WrongSecretKey(
            f"{came_from} is not the key that this database was made with: bring the right one back,"
            " or endpoints' secrets can't be read."
        )


async def knows_secret_key(session: Session, key: str) -> bool | None:
    """Return whether the database was created with this key, None if it has not seen one; changes nothing."""
    kept = await _value(session, _CHECK)
    return None if kept is None else hmac.compare_digest(kept, check_value(key))


async def key_check(session: Session) -> bytes | None:
    """Return the check value of the key that the database was created with, None if it has not seen one."""
    return await _value(session, _CHECK)


async def own_secret_key(session: Session, file: KeyFile) -> str:
    """Return the key of a data directory, created if the database has never seen one."""
    key = file.read()
    if key is None:
        if await _value(session, _CHECK) is not None:
            raise WrongSecretKey(
                f"{file.path} is missing: bring it back from the same backup as the database, or give the key as"
                " WAYPOST_SECRET_KEY."
            )
        key = file.make()
    return key


async def _value(session: Session, name: str) -> bytes | None:
    row = await fetch_one(session, "installation_value", name)
    return None if row is None else bytes(row["value"])


def check_value(key: str) -> bytes:
    """Return the check value of a key. It reveals nothing about the key or about what secrets are sealed with."""
    derived = hmac.digest(key.encode(), b"waypost: to check the secret key", sha256)
    return hmac.digest(derived, b"waypost: this is the secret key", sha256)
