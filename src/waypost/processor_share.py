"""How much of the processors a process leaves to the others of its machine.

A niceness alone is not enough on Linux. Where the kernel shares the processors among sessions first (sched(7), "The
autogroup feature": usual on desktops and in plain shells, without effect in systemd's services and in containers with a
limit of their own), it counts only within a session, and a session with one nice process gets as much as any other.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

LOWEST: Final = 19
"""The niceness of what has no hurry at all."""

_PROCESSES: Final = Path("/proc")


def give_way(niceness: int, process: int = 0, *, session: int | None = None) -> None:
    """Set the niceness (0…19) of a process, 0 for this one, and the same or that of ``session`` if it leads one.

    A session that it does not lead may contain others, such as those of a shell. If it is forbidden or the process has
    ended, nothing happens.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process, niceness)
    with suppress(OSError):  # there is no such file without the feature
        if sys.platform == "linux" and os.getsid(process) == (process or os.getpid()):
            (_PROCESSES / str(process or "self") / "autogroup").write_text(
                str(niceness if session is None else session)
            )
