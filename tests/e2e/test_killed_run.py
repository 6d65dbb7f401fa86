"""A run of tests, or of the benchmark, that is killed leaves no program and no folder behind."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from tests.support.embedded import open_place
from tests.support.endless_run import NOTE
from tests.support.serving import environment

ROOT = Path(__file__).parents[2]
ENDLESS = "tests/support/endless_run.py"
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", ENDLESS)
BENCH = (sys.executable, "-m", "benchmarks", "--no-keep", "--folder")
LEAVING_SECONDS = 120

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a run started is found in /proc")


@contextmanager
def started(command: Sequence[str], **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, env=environment(**variables), stdout=quiet, stderr=quiet)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(look, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100 * LEAVING_SECONDS):
        if look():
            return
        assert process.poll() is None or process.returncode == -signal.SIGKILL, process.returncode
        Event().wait(0.01)
    raise AssertionError(f"waited {LEAVING_SECONDS} s")


def wait_until_ended(handles: Sequence[int]) -> None:
    for handle in handles:
        assert select.select([handle], [], [], LEAVING_SECONDS)[0], "something that the run started lives on"
        os.close(handle)


def children_of(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param((*PYTEST, "-n", "1"), id="pytest"),
        pytest.param(("make", "test", f"T={ENDLESS}"), id="make"),
    ],
)
def test_a_killed_run_of_tests_leaves_nothing(command: Sequence[str], tmp_path: Path) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    note = tmp_path / "note"
    with started(command, **{NOTE: str(note)}) as run:
        wait_for(note.exists, run)
        told = json.loads(note.read_text())
        handles = [os.pidfd_open(process) for process in told["started"]]
        assert all(Path(folder).is_dir() for folder in told["folders"])

        run.kill()

        wait_until_ended(handles)
        wait_for(lambda: not any(Path(folder).exists() for folder in told["folders"]), run)


def test_a_killed_benchmark_leaves_nothing() -> None:
    path = f"{ROOT}{os.pathsep}{ROOT / 'src'}"
    with open_place() as place, started((*BENCH, str(place)), PYTHONPATH=path) as run:
        wait_for(lambda: list(place.glob("*/accept/data/postgres/postmaster.pid")), run)
        handles = [os.pidfd_open(process) for process in children_of(run.pid)]
        assert handles

        run.kill()

        wait_until_ended(handles)
        wait_for(lambda: not list(place.iterdir()), run)
