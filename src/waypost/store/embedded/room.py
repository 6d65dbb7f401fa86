"""Whether the data directory's disk has space: a PostgreSQL whose disk is full stops, and does not start again."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

_LOG: Final = structlog.get_logger()
MEGABYTE: Final = 1_000_000
MOST_KEPT_BYTES: Final = 512 * MEGABYTE
KEPT_SHARE: Final = 20
LOOK_SECONDS: Final = 1.0


def least_free_bytes(size: int, chosen_megabytes: int | None) -> int:
    """Return how many bytes of a disk of ``size`` bytes must be free to accept updates."""
    return min(MOST_KEPT_BYTES, size // KEPT_SHARE) if chosen_megabytes is None else chosen_megabytes * MEGABYTE


class DiskRoom:
    """Checks whether the required megabytes are free, by default 512 MB or a twentieth of the disk.

    It looks at most once a second, and logs when that changes.
    """

    def __init__(
        self, folder: Path, *, least_megabytes: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._least = least_megabytes
        self._clock = clock
        self._looked_at = -LOOK_SECONDS
        self._has_room = True

    def __call__(self) -> bool:
        """Return whether updates may be accepted."""
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._look()
        return self._has_room

    def _look(self) -> None:
        disk = os.statvfs(self._folder)
        free, size = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        least = least_free_bytes(size, self._least)
        has_room = free >= least
        if has_room != self._has_room:
            log, event = (_LOG.info, "disk_room_regained") if has_room else (_LOG.error, "disk_room_lost")
            log(event, free_megabytes=free // MEGABYTE, least_megabytes=least // MEGABYTE)
        self._has_room = has_room
