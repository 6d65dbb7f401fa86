"""The programs that the demo runs: started with a log each, watched, and ended with it whatever happens."""

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
_END_SECONDS: Final = 25  # Waypost lets attempts in flight finish, which takes it 20 at most


@dataclass(frozen=True, slots=True)
class Child:
    """A running program and the file that its output goes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_lines(self) -> str:
        """Give the end of its log, fit for a terminal."""
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
        """Start a program in a process group of its own: Ctrl-C reaches the demo alone, which then ends the others."""
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
                pass_fds=(self._lock,),  # while one lives, its folder is not emptied under it by another demo
            )
        child = Child(name, process, log)
        self._all.append(child)
        with (self._folder / "processes").open("a", encoding="utf-8") as processes:
            processes.write(f"{process.pid} {name}\n")
        return child

    def check(self) -> None:
        """Raise ChildEnded if one of the programs ended."""
        for child in self._all:
            if (code := child.process.poll()) is not None:
                raise ChildEnded(f"{child.name} ended with code {code}. The end of {child.log}:\n{child.last_lines()}")


def last_lines(text: str) -> str:
    """Give the last lines of a text, without anything that would steer a terminal."""
    lines = text.splitlines()[-_LAST_LINES:]
    return "\n".join("  " + "".join(char if char.isprintable() else "?" for char in line) for line in lines)


def _end(process: subprocess.Popen[bytes], seconds: float) -> None:
    if process.poll() is None:
        process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # what it left behind, or itself if it would not end
    process.wait()
