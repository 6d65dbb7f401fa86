"""Writes what a program prints into a file of a backup, in the backup's rhythm.

While nobody reads, the program waits, and so does the backend that it reads from: in a write to its client, which keeps
nobody else from anything.
"""

import fcntl
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from waypost.store.backups.manifest import CopiedFile
from waypost.store.backups.rhythm import Rhythm, Share

BLOCK_BYTES: Final = 1 << 12
"""How far ahead the program may work while the backup rests, and the least that is read at a time."""
_FLUSH_BYTES: Final = 1 << 20


def copy(source: int, place: Path, rhythm: Rhythm, *, sleep: Callable[[float], None] = time.sleep) -> CopiedFile:
    """Write what a pipe yields into a new private file, until its end; return size and checksum.

    The file goes to the disk steadily, not all at the end, and does not stay in memory, where it would displace the
    server's data.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # more is in it already
            fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, BLOCK_BYTES)
    digest, size, flushed = sha256(), 0, 0
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while block := os.read(source, BLOCK_BYTES):
            file.write(block)
            digest.update(block)
            size += len(block)
            if size - flushed >= _FLUSH_BYTES:
                flushed = size
                _flush(descriptor)
            if rest := rhythm.rest(Share.READING):
                sleep(rest)
    return CopiedFile(size, digest.hexdigest())


def _flush(descriptor: int) -> None:
    """Begin to write to the disk, without waiting for it or making others wait, and forget what has been written."""
    if sys.platform == "linux":
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
