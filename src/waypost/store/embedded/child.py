"""Becomes another program: as a less privileged user, and on Linux ending with the process that started it.

It runs as a script in a fresh interpreter (`python -I -S child.py parent signal uid gid folder program …`) and so
imports nothing of ours. A function between fork and exec (`preexec_fn`) could do the same, but may deadlock in a
process that has threads, which `serve` has when it restarts PostgreSQL.
"""

import ctypes
import os
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main(parent: str, orphaned: str, uid: str, gid: str, folder: str, *command: str) -> None:
    """Replace this process with `command`, run in `folder`; on failure, write the reason to standard error."""
    # Loaded while we can still read the interpreter's own folders, which the other user perhaps can't.
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
    try:
        _become(int(uid), int(gid))
    except OSError as error:
        sys.exit(f"the process can't change to user id {uid}: {error.strerror}")
    if prctl is not None:
        # After the change of user, which clears it. Of PostgreSQL's, SIGINT is the fast shutdown.
        prctl(_PR_SET_PDEATHSIG, int(orphaned))
        if os.getppid() != int(parent):  # it died before it could be watched
            sys.exit("the process that started this one has ended")
    _enter(folder)
    _execute(command)


def _become(uid: int, gid: int) -> None:
    if os.geteuid() != uid:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        sys.exit(_blocked(Path(folder)) or f"{folder}: {error.strerror}")


def _execute(command: tuple[str, ...]) -> None:
    try:
        os.execv(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.exit(_blocked(Path(command[0]).parent) or f"{command[0]}: {error.strerror}")


def _blocked(folder: Path) -> str | None:
    for step in [*reversed(folder.parents), folder]:
        if step.is_dir() and not os.access(step, os.X_OK):
            return (
                f"user id {os.geteuid()}, under which PostgreSQL runs, may not enter the folder {step}: "
                f"allow it (chmod o+x) or choose another place"
            )
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
