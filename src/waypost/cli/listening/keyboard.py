"""Single keys of a terminal, without Enter."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import IO


@contextmanager
def keys_heard(heard: Callable[[str], None], keyboard: IO[str] = sys.stdin) -> Iterator[bool]:
    """Call ``heard`` with each key while inside; gives whether there is a terminal that has keys."""
    try:
        import termios  # noqa: PLC0415 - not on every system
        import tty  # noqa: PLC0415 - the same
    except ImportError:
        yield False
        return
    if not keyboard.isatty():
        yield False
        return
    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard)  # Ctrl-C still ends it
    Thread(target=_read, args=(keyboard, heard), daemon=True).start()
    try:
        yield True
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _read(keyboard: IO[str], heard: Callable[[str], None]) -> None:
    while key := keyboard.read(1):
        heard(key)
