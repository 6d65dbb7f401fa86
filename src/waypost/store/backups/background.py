"""Leaves the processor and the disk to everybody else, so that nobody notices a backup beside a busy server."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from waypost.processor_share import LOWEST, give_way

_PROCESSES: Final = Path("/proc")
READING: Final = 5
"""The niceness of sessions that read a snapshot: on a machine that is always busy, they must end all the same.

With the lowest, reading took minutes instead of seconds there, and the queue's dead rows stay until it has ended.
"""


def step_back() -> None:
    """Put this process behind all others; whatever it starts from now on stays there with it.

    A low priority is not enough. A dispatcher is in the batch class, so it would wait until the end of the backup's
    turn, which is several milliseconds. In the idle class, a process gives way at once, on the disk as well: see
    sched(7). There is no way back for an ordinary user. If it is forbidden, everything goes on all the same.
    """
    give_way(LOWEST)
    with suppress(OSError):
        if sys.platform == "linux":
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def is_back() -> bool:
    """Return whether this process has stepped back, or was started by one that had."""
    return sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_IDLE


def backends_give_way(url: str, backends: Iterable[int], *, session: int = READING) -> None:
    """Lower the priority of backends that work for this process, if it has stepped back itself.

    They are not put behind everybody: a backend that waits for a processor may hold a lock that others wait for. They
    interrupt nobody when they wake up, and read no faster than this process accepts. Only those of an embedded server
    are known to be on this machine. ``session`` is the niceness of their sessions.
    """
    if is_back():
        for backend in backends:
            if serves(backend, url):
                give_way(LOWEST, backend, session=session)
                with suppress(OSError):
                    if sys.platform == "linux":
                        os.sched_setscheduler(backend, os.SCHED_BATCH, os.sched_param(0))


def serves(process: int, url: str) -> bool:
    """Return whether a process is a child of the embedded server at a URL, for its number may be another machine's."""
    socket_folder = dict(parse_qsl(urlsplit(url).query)).get("host")
    if socket_folder is None:
        return False
    try:
        parent = (_PROCESSES / str(process) / "stat").read_text().rpartition(")")[2].split()[1]
        words = (_PROCESSES / parent / "cmdline").read_bytes().split(b"\0")
    except (OSError, IndexError):  # it has ended, or there is no such list
        return False
    return f"--unix_socket_directories={socket_folder}".encode() in words
