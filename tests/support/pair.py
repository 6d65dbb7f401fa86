"""A primary and its synchronous standby on loopback, from the bundled programs: killed, frozen and promoted."""

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from tests.support.embedded import copy_folder, ignore, open_place, workers_in
from waypost.store.embedded.folder import DatabaseUser, database_user, open_folder
from waypost.store.embedded.programs import find_programs

STARTS_IN_SECONDS = 60
LOOK_SECONDS = 0.1
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "hot_standby": "on",
    "wal_level": "replica",
    "restart_after_crash": "off",
    "superuser_reserved_connections": "0",
}

_END_OTHERS = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'waypost-%'"


def wait_until(look: Callable[[], object], seconds: float) -> None:
    """Wait until it is true; fail after this number of seconds."""
    until = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < until
        threading.Event().wait(LOOK_SECONDS)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@dataclass
class Server:
    """One PostgreSQL: its cluster, its port, and what runs of it."""

    programs: Path
    user: DatabaseUser
    cluster: Path
    password: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.url_of(self.port)

    def url_of(self, *ports: int) -> str:
        """Return a URL with these loopback ports as its hosts."""
        places = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"postgresql://waypost:{self.password}@{places}/postgres"

    def start(self, **settings: str) -> None:
        """Start it and wait until it answers."""
        options = [f"-c{name}={value}" for name, value in (SETTINGS | {"port": str(self.port)} | settings).items()]
        log = self.cluster.with_suffix(".log")
        with log.open("ab") as output:
            self.process = process = self._launch("postgres", "-D", str(self.cluster), *options, output=output)

        def answers() -> object:
            assert process.poll() is None, log.read_text()[-2000:]
            return self.ask("select true")

        wait_until(answers, STARTS_IN_SECONDS)

    def make(self) -> None:
        """Make an empty cluster."""
        given = self.cluster.with_suffix(".password")
        given.write_text(self.password)
        os.chown(given, self.user.uid, self.user.gid)
        arguments = ("-D", str(self.cluster), "-U", "waypost", "-A", "scram-sha-256", "--pwfile", str(given), "-N")
        assert self._launch("initdb", *arguments, output=subprocess.DEVNULL).wait(STARTS_IN_SECONDS) == 0

    def follow(self) -> None:
        """Be a standby from the next start on."""
        told = self.cluster / "standby.signal"
        told.touch()
        os.chown(told, self.user.uid, self.user.gid)

    def ask(self, statement: str) -> Any:
        """Return what a statement selects; None while no server answers."""

        async def answer() -> Any:
            session = await asyncpg.connect(self.url, timeout=5)
            try:
                return await session.fetchval(statement)
            finally:
                session.terminate()

        with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return asyncio.run(answer())

    def set(self, name: str, value: str) -> None:
        """Change a setting of the running server, for the sessions that there are as well."""

        async def change() -> None:
            session = await asyncpg.connect(self.url, timeout=5)
            await session.execute(f"alter system set {name} = {value}")
            await session.execute("select pg_reload_conf()")
            await session.close()

        asyncio.run(change())

    def crowd(self, seconds: float) -> None:
        """End all sessions and occupy every connection that becomes free, for this number of seconds."""

        async def crowd() -> None:
            held: list[asyncpg.Connection] = []
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                with suppress(asyncpg.TooManyConnectionsError):
                    held.append(await asyncpg.connect(self.url))
                    if len(held) == 1:
                        await held[0].execute(_END_OTHERS)
            for one in held:
                one.terminate()

        asyncio.run(crowd())

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(STARTS_IN_SECONDS) == 0

    def kill(self) -> None:
        """End it with everything that works in it."""
        self._signal_all(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(STARTS_IN_SECONDS)

    def freeze(self) -> None:
        """Let it keep its connections and do nothing."""
        self._signal_all(signal.SIGSTOP)

    def _signal_all(self, number: signal.Signals) -> None:
        # The first that is asked to stop is the one that would begin others.
        first = [] if self.process is None else [self.process.pid]
        for process in [*first, *(one for one in workers_in(self.cluster) if one not in first)]:
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def _launch(self, program: str, *arguments: str, output: Any) -> subprocess.Popen[bytes]:
        root = os.geteuid() == 0
        return subprocess.Popen(
            [self.programs / program, *arguments],
            cwd=self.cluster.parent,
            env={"LC_ALL": "C", "PATH": os.environ.get("PATH", "")},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=self.user.uid if root else None,
            group=self.user.gid if root else None,
            extra_groups=[] if root else None,
            start_new_session=True,
        )


@dataclass(frozen=True)
class Pair:
    """Two servers: what the first confirms, the second has."""

    primary: Server
    standby: Server

    @property
    def url(self) -> str:
        """The URL that names both."""
        return self.primary.url_of(self.primary.port, self.standby.port)

    def promote(self) -> None:
        """Let the standby take writes."""
        assert self.standby.ask("select pg_promote(true)")


@contextmanager
def running_pair(**settings: str) -> Iterator[Pair]:
    """Yield a primary and its synchronous standby, without tables yet; ``settings`` are the server's."""
    with open_place() as place:
        folder = open_folder(place / "servers")
        user = database_user(folder)
        programs = asyncio.run(find_programs(None, folder, user, ignore)).folder
        home = place / "clusters"
        home.mkdir(mode=0o755)
        os.chown(home, user.uid, user.gid)
        password = secrets.token_hex()
        primary, standby = (Server(programs, user, home / name, password) for name in ("primary", "standby"))
        try:
            primary.make()
            primary.start(**settings)  # a standby wants to have at least what its primary had
            primary.stop()
            copy_folder(primary.cluster, standby.cluster)
            standby.follow()
            from_primary = (
                f"host=127.0.0.1 port={primary.port} user=waypost password={password} application_name=standby"
            )
            primary.start(synchronous_standby_names="standby", **settings)
            standby.start(primary_conninfo=from_primary, **settings)
            state = "select sync_state = 'sync' from pg_stat_replication"
            wait_until(lambda: primary.ask(state), STARTS_IN_SECONDS)
            yield Pair(primary, standby)
        finally:
            for server in (primary, standby):
                server.kill()
