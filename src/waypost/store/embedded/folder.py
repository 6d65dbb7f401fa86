"""The files of one data directory: who owns them, the lock, the password, the folder of the socket.

Root may work here in a folder that belongs to somebody else, so symbolic links are never followed and nothing is
trusted by its name alone.
"""

import contextlib
import fcntl
import os
import pwd
import re
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from waypost.store.embedded.errors import EmbeddedPostgresError

# sun_path holds 104 bytes on macOS and 108 on Linux, including the final NUL.
_SOCKET_PATH_BYTES = 103
_SOCKET_NAME = "/.s.PGSQL.5432"
# Commas and quotes have a meaning in lists of socket folders and of hosts.
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9/._-]*")
_SMALL_FILE = 4096

SYSTEM_USER = "waypost"
"""The user that PostgreSQL runs as where root starts it, if that user exists; units and images create it."""
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class DatabaseUser:
    """The operating system's user that PostgreSQL runs as."""

    uid: int
    gid: int
    name: str | None


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A data directory and the names inside it."""

    UNFINISHED_RESTORE: ClassVar[str] = "restore.unfinished"

    path: Path
    uid: int
    gid: int

    @property
    def unfinished_restore(self) -> Path:
        """Where a backup is being restored, until what was restored is moved into place."""
        return self.path / self.UNFINISHED_RESTORE

    @property
    def cluster(self) -> Path:
        """Where PostgreSQL keeps its data."""
        return self.path / "postgres"

    @property
    def programs(self) -> Path:
        """Where PostgreSQL's programs are copied to if its user can't access the place where they are installed."""
        return self.path / "programs"

    @property
    def password_file(self) -> Path:
        """The file with the superuser's password."""
        return self.path / "postgres.password"

    @property
    def log_file(self) -> Path:
        """Where PostgreSQL writes its log."""
        return self.path / "postgres.log"

    @property
    def lock_file(self) -> Path:
        """The file that the owner of this folder keeps locked."""
        return self.path / "lock"

    @property
    def url_note(self) -> Path:
        """The file that names the address which the server of this folder listens on while it runs."""
        return self.path / "url"

    @property
    def run_folder(self) -> Path:
        """Where the socket is if the path is short enough."""
        return self.path / "run"

    @property
    def socket_note(self) -> Path:
        """The file that names the socket's folder if `run_folder` is too long for a socket."""
        return self.path / "socket"


def find_folder(data_dir: Path) -> DataFolder | None:
    """Return the data directory, None if it does not exist."""
    path = Path(os.path.realpath(data_dir))
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(found.st_mode):
        raise EmbeddedPostgresError(f"{path} is not a folder: choose another data directory")
    return DataFolder(path, found.st_uid, found.st_gid)


def open_folder(data_dir: Path) -> DataFolder:
    """Return the data directory, created if it does not exist."""
    folder = find_folder(data_dir)
    if folder is not None:
        return folder
    path = Path(os.path.realpath(data_dir))
    path.mkdir(parents=True)
    # PostgreSQL never runs as root: root's folder must let another user pass, but not look around.
    path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    made = path.stat()
    return DataFolder(path, made.st_uid, made.st_gid)


def database_user(folder: DataFolder) -> DatabaseUser:
    """Return the user PostgreSQL runs as: ourselves, or in root's place somebody else.

    For root that is the folder's owner; if root owns it, the owner of the database in it, for a new one the user
    ``waypost``, or where there is none `nobody`.
    """
    uid = os.geteuid()
    if uid != 0:
        return DatabaseUser(uid, os.getegid(), _name_of(uid))
    if folder.uid != 0:
        return DatabaseUser(folder.uid, folder.gid, _name_of(folder.uid))
    if folder.cluster.is_dir() and (owner := folder.cluster.stat()).st_uid != 0:
        return DatabaseUser(owner.st_uid, owner.st_gid, _name_of(owner.st_uid))
    for name in (SYSTEM_USER, NOBODY):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return DatabaseUser(found.pw_uid, found.pw_gid, found.pw_name)
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run as root: add a user for it with `useradd --system {SYSTEM_USER}`"
    )


def refuse_unreachable(data_dir: Path) -> None:
    """Raise EmbeddedPostgresError if PostgreSQL, in root's place, could not enter the folder; nothing is made."""
    if os.geteuid() != 0:
        return
    path = Path(os.path.realpath(data_dir))
    there = next(step for step in (path, *path.parents) if step.exists())
    owner = path.stat() if there == path else None
    user = database_user(DataFolder(path, owner.st_uid if owner else 0, owner.st_gid if owner else 0))
    for step in reversed([there, *there.parents]):
        if step.is_dir() and not _may_enter(step, user):
            raise EmbeddedPostgresError(
                f"PostgreSQL runs as {user.name or user.uid}, which can't enter the folder {step}: choose a data"
                f" directory elsewhere, such as /var/lib/waypost, or run `chmod o+x {step}`"
            )


def _may_enter(folder: Path, user: DatabaseUser) -> bool:
    found = folder.stat()
    if found.st_uid == user.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == user.gid else stat.S_IXOTH))


def _name_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def try_lock(folder: DataFolder) -> int | None:
    """Return a descriptor that holds the folder's lock until it is closed, None if somebody else holds it."""
    descriptor = open_private(folder, folder.lock_file, os.O_RDWR)
    if _flock(descriptor, fcntl.LOCK_EX):
        return descriptor
    os.close(descriptor)
    return None


def is_locked(folder: DataFolder) -> bool:
    """Return whether a process owns this folder now."""
    try:
        descriptor = os.open(folder.lock_file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        return not _flock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _flock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_private(folder: DataFolder, path: Path, flags: int) -> int:
    """Return a descriptor of a regular file of the folder, created with mode 0600 for the folder's owner if needed."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        _keep_private(folder, path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _keep_private(folder: DataFolder, path: Path, descriptor: int) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise EmbeddedPostgresError(f"{path} is not an ordinary file: remove it")
    if os.geteuid() == 0 and found.st_uid == 0:
        os.fchown(descriptor, folder.uid, folder.gid)


@contextlib.contextmanager
def replacing(folder: DataFolder, path: Path, text: str, *, reader: DatabaseUser) -> Iterator[Path]:
    """Yield a file with `text` that `reader` may read; at the end it replaces `path`, with mode 0600.

    If the block raises, `path` is unchanged.
    """
    descriptor, name = tempfile.mkstemp(prefix=new_name(path), dir=folder.path)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
            if os.geteuid() == 0:
                os.fchown(descriptor, reader.uid, reader.gid)
            yield Path(name)
            if os.geteuid() == 0:
                os.fchown(descriptor, folder.uid, folder.gid)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def new_name(path: Path) -> str:
    """Return the name prefix of files that are being made to replace `path`."""
    return f"{path.name}.new-"


def note_url(folder: DataFolder, url: str) -> None:
    """Note where the server of a data directory listens."""
    with replacing(folder, folder.url_note, url, reader=DatabaseUser(folder.uid, folder.gid, None)):
        pass


def running_url(data_dir: Path) -> str | None:
    """Return the address that the running server of a data directory noted, None if none runs or it listens nowhere."""
    folder = find_folder(data_dir)
    return read_small(folder.url_note) if folder is not None and is_locked(folder) else None


def find_leftovers(folder: DataFolder) -> list[Path]:
    """Return leftovers of unfinished files in the folder; for its owner, who is making none now."""
    made = (folder.cluster, folder.password_file, folder.socket_note, folder.url_note)
    return [leftover for path in made for leftover in folder.path.glob(f"{new_name(path)}*")]


def sync_folder(path: Path) -> None:
    """Make new names in a folder survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_small(path: Path) -> str | None:
    """Return a small file's text, None if it does not exist."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_SMALL_FILE).decode(errors="replace")


def give_folder(path: Path, user: DatabaseUser) -> None:
    """Make the folder at `path` private to `user` (mode 0700); its contents keep their owners."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchmod(descriptor, 0o700)
        if os.geteuid() == 0:
            os.fchown(descriptor, user.uid, user.gid)
    finally:
        os.close(descriptor)


def find_socket_folder(folder: DataFolder) -> Path | None:
    """Return the folder where a server of this data directory has its socket, None if it does not exist yet."""
    if _fits(folder.run_folder):
        return folder.run_folder if folder.run_folder.is_dir() else None
    owner, _, noted = (read_small(folder.socket_note) or "").partition("\n")
    # A copy of a data directory must not take over the socket of its original.
    if owner != str(folder.path) or not _fits(Path(noted)) or not folder.cluster.is_dir():
        return None
    try:
        found = Path(noted).lstat()
    except FileNotFoundError:
        return None
    # The temp directory is everybody's: another user may have taken the name since it was noted.
    private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700  # noqa: PLR2004 - a mode
    return Path(noted) if private and found.st_uid == folder.cluster.stat().st_uid else None


def make_socket_folder(folder: DataFolder, user: DatabaseUser) -> Path:
    """Return a folder of `user` (mode 0700) whose path is short enough for a socket; the known one if there is one."""
    if _fits(folder.run_folder):
        with contextlib.suppress(FileExistsError):
            folder.run_folder.mkdir(mode=0o700)
        give_folder(folder.run_folder, user)
        return folder.run_folder
    known = find_socket_folder(folder)
    if known is not None:
        return known
    place = Path(tempfile.gettempdir())
    made = Path(tempfile.mkdtemp(prefix="waypost-", dir=place if _fits(place / "waypost-12345678") else "/tmp"))  # noqa: S108 - mkdtemp makes it private
    give_folder(made, user)
    with replacing(folder, folder.socket_note, f"{folder.path}\n{made}", reader=user):
        pass
    return made


def drop_socket_folder(folder: DataFolder, socket_folder: Path) -> None:
    """Remove a socket folder that lies outside the data directory."""
    if socket_folder == folder.run_folder:
        return
    folder.socket_note.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        socket_folder.rmdir()


def _fits(socket_folder: Path) -> bool:
    path = str(socket_folder)
    return len(path + _SOCKET_NAME) <= _SOCKET_PATH_BYTES and _PLAIN_PATH.fullmatch(path) is not None
