"""The embedded PostgreSQL from start to stop: what survives a kill, and who waits for whom."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tests.support.embedded import copy_folder, ignore, open_place, run, running, server_pid
from waypost.store.embedded.server import EmbeddedPostgres, EmbeddedPostgresError, locate

IS_ROOT = os.geteuid() == 0
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel offers no signal of a parent's death")

HANGING_INITDB = """#!/bin/sh
for argument in "$@"; do
    case "$argument" in --pgdata=*) echo half > "${argument#--pgdata=}/half" ;; esac
done
echo half > "${0%/*}/started"
exec tail -f /dev/null
"""

OWNER = """
import asyncio, sys
from pathlib import Path
from waypost.store.embedded.server import EmbeddedPostgres

async def own():
    tell = lambda message: print(message, flush=True)
    pg_bin = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    server = await EmbeddedPostgres.start(Path(sys.argv[1]), pg_bin=pg_bin, progress=tell)
    print("ready", server.dsn, flush=True)
    await asyncio.Event().wait()

asyncio.run(own())
"""


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


@contextmanager
def owner_process(data_dir: Path, *, until: str, pg_bin: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", OWNER, str(data_dir), *([str(pg_bin)] if pg_bin else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as owner:
        try:
            assert owner.stdout is not None
            assert any(line.startswith(until) for line in owner.stdout)
            yield owner
        finally:
            owner.kill()


def hanging_initdb(place: Path) -> tuple[Path, Path]:
    started = place / "started"
    os.mkfifo(started)
    started.chmod(0o666)
    (place / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.6'\n")
    (place / "initdb").write_text(HANGING_INITDB)
    for name in ("postgres", "initdb"):
        (place / name).chmod(0o755)
    return place, started


@contextmanager
def frozen(pid: int) -> Iterator[Callable[[], None]]:
    def let_go() -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    os.kill(pid, signal.SIGSTOP)
    try:
        yield let_go
    finally:
        let_go()


def has_ended(handle: int) -> bool:
    return bool(select.select([handle], [], [], 30)[0])


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_query_works_after_the_first_start(place: Path) -> None:
    told: list[str] = []

    async with running(place / "new" / "data", told.append) as server:
        answer = await run(server, "select current_database() || ' ' || current_user")

    assert answer == "waypost waypost"
    assert told[-1:] == [f"Creating a new database in {place / 'new' / 'data' / 'postgres'}"]


async def test_text_folds_the_same_on_every_system(data_dir: Path) -> None:
    question = "select concat_ws(' ', datlocprovider, datlocale, upper('é')) from pg_database where datname = 'waypost'"

    async with running(data_dir) as server:
        answer = await run(server, question)

    assert answer == "b C.UTF-8 É"


async def test_a_second_start_is_rejected_while_the_first_server_runs(data_dir: Path) -> None:
    async with running(data_dir) as first:
        with pytest.raises(EmbeddedPostgresError, match="Another waypost is running on"):
            await EmbeddedPostgres.start(data_dir, pg_bin=None, progress=ignore)
        answer = await run(first, "select 1")

    assert answer == 1


async def test_rows_survive_a_kill_of_postgres(data_dir: Path) -> None:
    told: list[str] = []
    async with running(data_dir, told.append) as server:
        await run(server, "insert into parcel values ('kept')")
        before = server.dsn

        os.kill(server_pid(data_dir), signal.SIGKILL)
        code = await server.wait_ended()
        await server.restart()
        found = await run(server, "select name from parcel")

    assert (code, found, server.dsn) == (-signal.SIGKILL, "kept", before)
    assert any("automatic recovery in progress" in message for message in told)


async def test_a_restart_waits_for_a_backend_that_outlives_its_killed_server(data_dir: Path) -> None:
    told = asyncio.Event()
    async with running(data_dir, lambda message: told.set() if "still ending" in message else None) as server:
        connection = await asyncpg.connect(server.dsn)
        with frozen(connection.get_server_pid()):
            os.kill(server_pid(data_dir), signal.SIGKILL)
            await server.wait_ended()

            restart = asyncio.create_task(server.restart())
            async with asyncio.timeout(30):
                await told.wait()
            waited = not restart.done()
        await restart

        assert waited
        assert await run(server, "select 1") == 1
        connection.terminate()


@linux_only
async def test_a_server_ends_with_its_killed_owner_and_the_next_start_finds_the_rows(data_dir: Path) -> None:
    with owner_process(data_dir, until="ready") as owner:
        address = await locate(data_dir)
        assert address is not None
        connection = await asyncpg.connect(address.dsn)
        await connection.execute("insert into parcel values ('kept')")
        handle = os.pidfd_open(server_pid(data_dir))

        owner.kill()
        ended = has_ended(handle)
        os.close(handle)
        async with running(data_dir) as server:
            found = await run(server, "select name from parcel")

    assert ended
    assert found == "kept"


@linux_only
async def test_a_start_right_after_a_kill_of_the_owner_waits_for_the_old_server(data_dir: Path) -> None:
    told: list[str] = []
    with owner_process(data_dir, until="ready") as owner:
        old = server_pid(data_dir)
        with frozen(old) as let_go:  # so that it is surely still there
            owner.kill()
            owner.wait()

            def hear(message: str) -> None:
                told.append(message)
                let_go()

            async with running(data_dir, hear) as server:
                answer = await run(server, "select 1")
                new = server_pid(data_dir)

    assert told == [f"Waiting for the PostgreSQL of an earlier run to end (process {old})"]
    assert answer == 1
    assert new != old


async def test_a_kill_during_the_creation_of_the_cluster_leaves_no_trace(place: Path) -> None:
    programs, started = hanging_initdb(place)
    with owner_process(place / "data", until="Creating a new database", pg_bin=programs) as owner:
        said = started.read_text()
        owner.kill()
        owner.wait()
    half_made = sorted(path.name.partition(".new-")[0] for path in (place / "data").glob("*.new-*"))

    async with running(place / "data") as server:
        answer = await run(server, "select 1")

    assert said == "half\n"
    assert half_made == ["postgres", "postgres.password"]
    assert answer == 1
    assert list((place / "data").glob("*.new-*")) == []


async def test_a_stale_pid_file_does_not_harm_an_unrelated_process(data_dir: Path) -> None:
    user = (data_dir / "postgres").stat().st_uid if IS_ROOT else None
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, user=user) as innocent:  # noqa: ASYNC220, S607 - cat is found on the path
        stale = data_dir / "postgres" / "postmaster.pid"
        stale.write_text(f"{innocent.pid}\n{data_dir}/postgres\n1700000000\n5432\n\n\n  1 1\nready   \n")

        async with running(data_dir) as server:
            answer = await run(server, "select 1")
        unharmed = innocent.poll() is None
        innocent.communicate()

    assert answer == 1
    assert unharmed


async def test_durability_cannot_be_switched_off_from_inside(data_dir: Path) -> None:
    async with running(data_dir) as server:
        await run(server, "alter system set fsync = off")
    async with running(data_dir) as server:
        durable = [await run(server, f"show {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")]

    assert durable == ["on", "on", "on"]


async def test_stop_leaves_no_process(data_dir: Path) -> None:
    async with running(data_dir) as server:
        connection = await asyncpg.connect(server.dsn)
        rows = await connection.fetch("select pid from pg_stat_activity")
        pids = [server_pid(data_dir), *(row["pid"] for row in rows)]
        alive_before = [lives(pid) for pid in pids]

    assert all(alive_before)
    assert len(pids) > 5
    assert not any(lives(pid) for pid in pids)


async def test_locate_finds_a_running_server_and_nothing_after_it_stopped(data_dir: Path, place: Path) -> None:
    async with running(data_dir) as server:
        address = await locate(data_dir)

    assert address == server.address
    assert await locate(data_dir) is None
    assert await locate(place / "never") is None


async def test_a_postgres_older_than_18_is_rejected(data_dir: Path, place: Path) -> None:
    for name in ("postgres", "initdb"):
        (place / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 17.6'\n")
        (place / name).chmod(0o755)

    with pytest.raises(EmbeddedPostgresError, match=r"holds postgres \(PostgreSQL\) 17.6, but 18 or newer is needed"):
        await EmbeddedPostgres.start(data_dir, pg_bin=place, progress=ignore)


async def test_a_failed_start_reports_its_reason_and_releases_the_folder(data_dir: Path) -> None:
    settings = data_dir / "postgres" / "postgresql.auto.conf"
    settings.write_text("work_mem = 'much'\n")

    with pytest.raises(EmbeddedPostgresError, match="did not start"):
        await EmbeddedPostgres.start(data_dir, pg_bin=None, progress=ignore)

    settings.write_text("")
    async with running(data_dir) as server:
        assert await run(server, "select 1") == 1
