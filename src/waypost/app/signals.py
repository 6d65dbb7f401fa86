"""SIGTERM and SIGINT as an event of the loop."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SAME_WISH_SECONDS: Final = 1.0


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Return the event that SIGTERM and SIGINT set; another signal, a second or more later, cancels the calling task.

    An earlier one is the same wish sent twice: to the process and, by a terminal or a supervisor, to its group.
    """
    stop = asyncio.Event()
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    first = loop.time()

    def heard() -> None:
        nonlocal first
        if not stop.is_set():
            first = loop.time()
            stop.set()
        elif task is not None and loop.time() - first >= SAME_WISH_SECONDS:
            task.cancel()

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, heard)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
