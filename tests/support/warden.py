"""Cleans up after a killed run: ends its processes and removes its folders.

It is a process in a session of its own: ``python -I -S warden.py MARK PROCESS FOLDER…``. Standard input ends with the
run. PROCESS, 0 for none, is one that the run ends with, such as make. A program belongs to the run if it has MARK in
its environment, which everything inherits, or works in one of the folders, as PostgreSQL does, whose environment is
empty.
"""

import os
import select
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event

LOOK_SECONDS = 0.05
PATIENT_LOOKS = 200
"""Processes that are signalled when their parent dies, such as PostgreSQL, get ten seconds to exit."""


def main(mark: str, process: str, *folders: str) -> None:
    """Wait until the run has ended, then clean up behind it."""
    run = os.getppid()
    _wait_for_end(int(process))
    if os.getppid() == run and not select.select([sys.stdin], [], [], 0)[0]:  # the other process ended first
        os.kill(run, signal.SIGKILL)
    end_all(mark, [Path(folder) for folder in folders])
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def end_all(mark: str, folders: Sequence[Path]) -> None:
    """End every process of the run: programs at once, and what ends with them when it has had its time."""
    for look in range(2 * PATIENT_LOOKS):
        marked, working = _processes(mark, folders)
        for process in [*marked, *(working if look >= PATIENT_LOOKS else ())]:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        if not (marked or working):
            return
        Event().wait(LOOK_SECONDS)


def _wait_for_end(process: int) -> None:
    watched = [sys.stdin.fileno()]
    if process and hasattr(os, "pidfd_open"):
        try:
            watched.append(os.pidfd_open(process))
        except OSError:  # it has ended already
            return
    select.select(watched, [], [])


def _processes(mark: str, folders: Sequence[Path]) -> tuple[list[int], list[int]]:
    """Return the processes that carry the mark, and the others that work in the folders."""
    marked, working = [], []
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        with suppress(OSError):  # it ended as it was looked at, or is not ours
            if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                marked.append(int(entry.name))
            elif any((entry / "cwd").readlink().is_relative_to(folder) for folder in folders):
                working.append(int(entry.name))
    return marked, working


if __name__ == "__main__":
    main(*sys.argv[1:])
