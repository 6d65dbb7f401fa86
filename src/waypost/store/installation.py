"""What an installation keeps once: its secret key, and in the database a check value that only that key makes."""

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
    """The database was made with another secret key, or the key is missing; the message says what to do."""


class KeyFile:
    """The file ``secret.key`` of a data directory: mode 0600, of the directory's owner."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.path = data_dir / "secret.key"

    def read(self) -> str | None:
        """Give the key, None when there is no file. Raises WrongSecretKey for a file that holds none."""
        text = read_small(self.path)
        if text is not None and len(text.strip()) < _KEY_BYTES:
            raise WrongSecretKey(f"{self.path} holds no key: bring it back from the same backup as the database.")
        return text and text.strip()

    def make(self) -> str:
        """Make a key, write it and give it; it survives a power cut."""
        folder = find_folder(self._data_dir)
        if folder is None:
            raise FileNotFoundError(self._data_dir)
        key = secrets.token_urlsafe(_KEY_BYTES)
        with replacing(folder, self.path, key + "\n", reader=DatabaseUser(folder.uid, folder.gid, None)):
            pass
        sync_folder(folder.path)
        return key


async def check_secret_key(session: Session, key: str, *, came_from: str) -> None:
    """Remember what this key makes, or compare it with what was remembered; WrongSecretKey when they differ."""
    await execute(session, "add_installation_value", _CHECK, _check_value(key))
    kept = await _value(session, _CHECK)
    if kept is None or not hmac.compare_digest(kept, _check_value(key)):
        raise WrongSecretKey(
            f"{came_from} is not the key that this database was made with: bring the right one back,"
            " or endpoints' secrets can't be read."
        )


async def knows_secret_key(session: Session, key: str) -> bool | None:
    """Tell whether the database was made with this key, None when it has not seen one; changes nothing."""
    kept = await _value(session, _CHECK)
    return None if kept is None else hmac.compare_digest(kept, _check_value(key))


async def own_secret_key(session: Session, file: KeyFile) -> str:
    """Give the key of a data directory, made when the database has never seen one."""
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


def _check_value(key: str) -> bytes:
    """Make what a key is known by. It says nothing about the key, nor about what secrets are sealed with."""
    derived = hmac.digest(key.encode(), b"waypost: to check the secret key", sha256)
    return hmac.digest(derived, b"waypost: this is the secret key", sha256)
