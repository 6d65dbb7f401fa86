"""`waypost serve` as a separate process, which can be stopped, killed with its children, and restarted."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from examples.demo.site import Site
from tests.support.embedded import copy_folder, open_place
from tests.support.people import make_account
from tests.support.run import folder_of_run

WAYPOST = (sys.executable, "-m", "waypost")
READY_SECONDS = 120
LOOK_SECONDS = 0.02
LOOPBACK = {
    "WAYPOST_EGRESS_ALLOW": "127.0.0.0/8,::1/128",
    "WAYPOST_EGRESS_PORTS": "1024-65535",
    "WAYPOST_RATE_LIMIT": "off",
}


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WAYPOST_")}
    return kept | settings


def run_waypost(*arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:  # no waypost.toml lies there
        return subprocess.run(
            (*WAYPOST, *arguments),
            check=False,
            cwd=folder,
            env=environment(**settings),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
        )


class EndedError(AssertionError):
    """A program ended while something was expected of it."""


class Program:
    """A `waypost` that runs on as a process of its own, in a session of its own; what it says is kept."""

    def __init__(self, log: Path, settings: Mapping[str, str]) -> None:
        self.log = log
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.also: dict[str, str] = {}
        """Variables of what is launched next."""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def launch(self, *arguments: str, port: str = "0") -> None:
        """Start it on the given port or a free one; its output is appended to the log."""
        self.log.parent.mkdir(exist_ok=True)
        self._known, self.url = len(self.said()), ""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                (*WAYPOST, *arguments, "--port", port),
                cwd=self.log.parent,
                env=environment(**self._settings, **self.also),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        self.wait_for(self._listens)
        self.wait_for(lambda: Site(self.url).status("/health/ready") == 200)

    def wait_for(self, look) -> None:
        """Look until it is true; fails when the server ends or takes two minutes."""
        until = time.monotonic() + READY_SECONDS
        while not look():
            try:
                code = self.process.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < until, self.said()[-2000:]
            else:
                raise EndedError(f"waypost ended with {code}: {self.said()[-2000:]}")

    def stop(self) -> int:
        """Ask it to stop and give its exit code."""
        self.process.terminate()
        return self.process.wait(READY_SECONDS)

    def kill(self) -> None:
        """End it and everything it started without a last word."""
        self.signal_all(signal.SIGKILL)
        self.process.wait()

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to it and everything it started."""
        os.killpg(self.process.pid, number)

    def kill_what_runs(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def said(self) -> str:
        return self.log.read_text("utf-8") if self.log.exists() else ""

    def site(self, key: str) -> Site:
        """Return the API as this key sees it."""
        return Site(self.url, {"tracking-api-key": key})

    def _listens(self) -> bool:
        for line in self.said()[self._known :].splitlines(keepends=True):
            if line.startswith("Waypost listens on ") and line.endswith("\n"):
                self.url = line.split()[-1]
            elif line.startswith("{") and '"server_started"' in line and line.endswith("\n"):
                self.url = json.loads(line)["url"]
        return bool(self.url)


class Serving(Program):
    """One data directory and the server that runs on it, if one does."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *, from_nothing: bool = True) -> None:
        super().__init__(folder / "serve.log", settings)
        self.data_dir = folder / "data"
        self.from_nothing = from_nothing
        """Whether its first start makes the database, for which others copy one."""

    def start(self, *, until_ready: bool = True) -> None:
        if not (self.from_nothing or self.data_dir.exists()):
            copy_ready_data(self.data_dir)
        self.launch("serve", "--data-dir", str(self.data_dir))
        if until_ready:
            self.wait_until_ready()

    def account(self, email: str = "shop@example.com") -> Site:
        """Make an account in the database of the running server, and give the API as its key sees it."""
        return self.site(make_account(self.data_dir, email))


@contextmanager
def serving(**settings: str) -> Iterator[Serving]:
    """Yield a server that is not started yet; whatever still runs at the end is killed."""
    with open_place() as place:
        server = Serving(place, LOOPBACK | settings, from_nothing="WAYPOST_DATABASE_URL" in settings)
        try:
            yield server
        finally:
            server.kill_what_runs()


def copy_ready_data(place: Path) -> Path:
    """Make a data directory that has been migrated and never served from, as a copy of one that each run makes once."""
    run = folder_of_run()
    assert run is not None, "a run has a folder for it"
    place.parent.mkdir(exist_ok=True)
    return copy_folder(_ready_data(run), place)


def _ready_data(run: Path) -> Path:
    ready = run / "ready"
    with ready.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # each process that runs tests comes here
        if not ready.is_dir():
            making = ready.with_suffix(".making")
            making.mkdir(mode=0o755)
            ended = run_waypost("migrate", "--data-dir", str(making / "data"))
            assert ended.returncode == 0, ended.stderr
            making.rename(ready)
    return ready / "data"


@contextmanager
def running_roles(folder: Path, *roles: str, **settings: str) -> Iterator[list[Program]]:
    """Yield ready processes of one role each; whatever still runs at the end is killed."""
    programs = [Program(folder / f"{place}-{role}.log", LOOPBACK | settings) for place, role in enumerate(roles)]
    try:
        for role, program in zip(roles, programs, strict=True):
            program.launch(role)
        for program in programs:
            program.wait_until_ready()
        yield programs
    finally:
        for program in programs:
            program.kill_what_runs()
