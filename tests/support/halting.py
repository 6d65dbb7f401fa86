"""PostgreSQL's programs, one of which waits at its start until released."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.serving import WAYPOST, environment
from waypost.store.backups.clients import find_clients


@dataclass(frozen=True)
class Halt:
    """A folder of programs, for PG_BIN, and what the one that stops says and waits for."""

    programs: Path
    begun: Path
    go: Path

    def wait_until_begun(self) -> None:
        self.begun.read_bytes()

    def go_on(self) -> None:
        self.go.write_bytes(b"")


@contextmanager
def halting(program: str, place: Path) -> Iterator[Halt]:
    """Return the programs; the named one waits each time it runs."""
    halt = Halt(place / f"halting-{program}", place / "begun", place / "go")
    halt.programs.mkdir()
    real = find_clients(None)
    for entry in real.iterdir():
        (halt.programs / entry.name).symlink_to(entry)
    for pipe in (halt.begun, halt.go):
        os.mkfifo(pipe)
    (halt.programs / program).unlink()
    words = [shlex.quote(str(path)) for path in (halt.begun, halt.go, real / program)]
    (halt.programs / program).write_text('#!/bin/sh\n: > {}\n: < {}\nexec {} "$@"\n'.format(*words))
    (halt.programs / program).chmod(0o755)
    yield halt


def run_into(halt: Halt, *arguments: object, **settings: str) -> subprocess.Popen[bytes]:
    """Run a command until its program has begun, and return its process."""
    process = subprocess.Popen(
        (*WAYPOST, *map(str, arguments)),
        env=environment(WAYPOST_PG_BIN=str(halt.programs), **settings),
        cwd=halt.programs.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    halt.wait_until_begun()
    return process


def kill_in_the_middle(halt: Halt, *arguments: object, **settings: str) -> None:
    """Run a command until its program has begun, and kill it without a last word."""
    process = run_into(halt, *arguments, **settings)
    process.kill()
    process.wait()
