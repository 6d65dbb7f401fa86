"""Runs the fast tests on every Python from 3.11 to 3.14 that this machine has, except that of ``.venv``.

Interpreters are found on PATH and among pyenv's. Each gets an environment in ``build/pythons``, which is kept
for the next run. Missing versions are printed and are not a failure.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools import bootstrap

ROOT = bootstrap.ROOT
ENVIRONMENTS = ROOT / "build" / "pythons"
FAST = ("tests/unit", "tests/contract")
NEEDS = "import ctypes, ensurepip, sqlite3, ssl, venv"
"""Modules that an interpreter lacks if their libraries were missing when it was built."""


def main() -> int:
    """Run the fast tests on each other Python, and return 1 if one fails."""
    own = bootstrap.version_of(str(bootstrap.VENV / "bin" / "python"))
    failed = []
    for minor in range(bootstrap.OLDEST[1], bootstrap.NEWEST[1] + 1):
        if own == [3, minor]:
            continue
        python = next(interpreters(minor), None)
        if python is None:
            print(f"Python 3.{minor}: not on this machine", flush=True)
        elif not passes(minor, python):
            failed.append(f"3.{minor}")
    if failed:
        print(f"The fast tests failed on Python {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def interpreters(minor: int) -> Iterator[str]:
    """Return the interpreters of a version that can run the tests: that on PATH, then pyenv's, newest first."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    kept = sorted(pyenv.glob(f"3.{minor}.*/bin/python"), key=lambda path: _patch(path.parents[1].name), reverse=True)
    for python in filter(None, (shutil.which(f"python3.{minor}"), *map(str, kept))):
        # A shim of pyenv runs only the versions that are selected in this folder.
        if bootstrap.version_of(python) == [3, minor] and subprocess.call([python, "-c", NEEDS]) == 0:
            yield python


def passes(minor: int, python: str) -> bool:
    """Run the fast tests on one interpreter, and return whether they passed."""
    environment = ENVIRONMENTS / f"3.{minor}"
    print(f"Python 3.{minor}: {python}", flush=True)
    try:
        bootstrap.set_up(environment, ROOT / "requirements" / "dev.txt", python)
    except bootstrap.SetupError as error:
        bootstrap.say(str(error))
        return False
    workers = ("-n", str(os.cpu_count() or 1), "--dist", "loadfile")
    return subprocess.call([environment / "bin" / "python", "-m", "pytest", *workers, *FAST], cwd=ROOT) == 0


def _patch(version: str) -> int:
    digits = version.rpartition(".")[2]
    return int(digits) if digits.isdigit() else -1


if __name__ == "__main__":
    sys.exit(main())
