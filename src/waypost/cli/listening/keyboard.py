"""Reads single key presses from a terminal, without Enter."""

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import IO


@contextmanager
def keys_heard(heard: Callable[[str], None], keyboard: IO[str] = sys.stdin) -> Iterator[bool]:
    """Call ``heard`` with each key pressed during the block; yield whether there is a terminal."""
    try:
        import termios  # noqa: PLC0415 - not on every system
        import tty  # noqa: PLC0415 - the same
    except ImportError:
        yield False
        return
    if not keyboard.isatty():
        yield False
        return
    descriptor = keyboard.fileno()
    before = termios.tcgetattr(descriptor)
    ends, end = os.pipe()
    reader = Thread(target=_read, args=(descriptor, ends, heard), daemon=True)
    tty.setcbreak(descriptor)  # Ctrl-C still ends it
    reader.start()
    try:
        yield True
    finally:
        os.close(end)
        reader.join()
        os.close(ends)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _read(descriptor: int, ends: int, heard: Callable[[str], None]) -> None:
    """Read keys until the other end is closed. The file's own buffer would stay locked while nothing is typed."""
    while True:
        ready, _, _ = select.select([descriptor, ends], [], [])
        if ends in ready or not (keys := os.read(descriptor, 64)):
            return
        for key in keys.decode("ascii", "replace"):
            heard(key)
