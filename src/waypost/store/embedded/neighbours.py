"""Finds the embedded databases that run on this machine, for a person who looked in another data directory."""

import os
from pathlib import Path
from typing import Final

_PROCESSES: Final = Path("/proc")
_CLUSTER: Final = "postgres"


def running_data_dirs() -> list[Path]:
    """Return the data directories whose PostgreSQL is running and may be seen by us, in alphabetical order.

    It is read from the list of processes, so without /proc there are none.
    """
    found = set()
    for process in _PROCESSES.glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it ended, or is hidden from us
            continue
        if len(words) > 2 and words[0].endswith(b"/postgres") and words[1] == b"-D":  # noqa: PLR2004 - program, -D, folder
            cluster = Path(os.fsdecode(words[2]))
            if cluster.name == _CLUSTER and (cluster.parent / "postgres.password").exists():
                found.add(cluster.parent)
    return sorted(found)
