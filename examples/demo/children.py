"""The programs of the demo: each has a log, is watched, and ends with the demo whatever happens."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from examples.demo.failures import ChildEnded

_LAST_LINES: Final = 20
_END_SECONDS: Final = 25  # Waypost finishes attempts in flight, which takes up to 20


@dataclass(frozen=True, slots=True)
class Child:
    """A running program and its log file."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_lines(self) -> str:
        """Return the end of its log, safe for a terminal."""
        return last_lines(self.log.read_text("utf-8", "replace"))


class Children:
    """All programs of the demo; leaving the block ends them.

    The oldest first: Waypost's last attempts still find the shop.
    """

    def __init__(self, folder: Path, lock: int, end_seconds: float = _END_SECONDS) -> None:
        self._folder = folder
        self._lock = lock
        self._end_seconds = end_seconds
        self._all: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self._all:
            _end(child.process, self._end_seconds)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start a program in its own process group: Ctrl-C reaches only the demo, which then ends the others."""
        log = self._folder / f"{name.lower()}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - the commands are our own
                command,
                cwd=self._folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(self._lock,),  # while it runs, no other demo empties its folder
            )
        child = Child(name, process, log)
        self._all.append(child)
        with (self._folder / "processes").open("a", encoding="utf-8") as processes:
            processes.write(f"{process.pid} {name}\n")
        return child

    def check(self) -> None:
        """Raise ChildEnded if a program has ended."""
        for child in self._all:
            if (code := child.process.poll()) is not None:
                raise ChildEnded(f"{child.name} ended with code {code}. The end of {child.log}:\n{child.last_lines()}")


def last_lines(text: str) -> str:
    """Return the last lines of a text, without characters that control a terminal."""
    lines = text.splitlines()[-_LAST_LINES:]
    return "\n".join("  " + "".join(char if char.isprintable() else "?" for char in line) for line in lines)


def _end(process: subprocess.Popen[bytes], seconds: float) -> None:
    if process.poll() is None:
        process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # its children, or itself if it does not end
    process.wait()
