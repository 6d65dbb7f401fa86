"""Set up ``.venv``: find a suitable Python, install the hash-locked requirements, install Waypost itself.

Runs on any Python from 3.8 on with nothing installed. ``--dev`` adds what tests and checks need, ``--python`` and
``--venv`` set up another interpreter in another folder. Does nothing when nothing has changed since the last time.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, Optional

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = ".waypost-setup"
OLDEST, NEWEST = (3, 11), (3, 14)
PROBE = "import sys; print('%d.%d' % sys.version_info[:2])"


class SetupError(Exception):
    """Setup can't continue; the text is one sentence that says what to do."""


def say(line: str) -> None:
    """Print progress on standard error."""
    print(line, file=sys.stderr, flush=True)


def run(*command: str) -> None:
    """Run a command. Raise SetupError if it fails."""
    if subprocess.call(command, cwd=str(ROOT)) != 0:
        raise SetupError("This command failed, its output is above: " + " ".join(command))


def version_of(python: str) -> Optional[List[int]]:
    """Return an interpreter's version; None if it does not run."""
    try:
        text = subprocess.check_output([python, "-c", PROBE], stderr=subprocess.DEVNULL).decode()
    except (OSError, subprocess.CalledProcessError):
        return None
    return [int(part) for part in text.split(".")]


def fits(version: Optional[List[int]]) -> bool:
    """Return whether Waypost runs on a version."""
    return version is not None and OLDEST <= tuple(version) <= NEWEST


def fitting_python() -> Optional[str]:
    """Return the first suitable interpreter: the running one, then python3.14 to python3.11, then python3."""
    names = [sys.executable] + ["python3.%d" % minor for minor in range(NEWEST[1], OLDEST[1] - 1, -1)] + ["python3"]
    for name in names:
        path = shutil.which(name)
        if path and fits(version_of(path)):
            return path
    return None


def has_venv(python: str) -> bool:
    """Return whether an interpreter can make a virtual environment with pip."""
    quiet = subprocess.DEVNULL
    return subprocess.call([python, "-c", "import venv, ensurepip"], stdout=quiet, stderr=quiet) == 0


def make_venv(venv: Path, python: Optional[str]) -> None:
    """Make the environment with this interpreter, or any suitable one, unless a suitable environment exists."""
    inside = venv / "bin" / "python"
    if fits(version_of(str(inside))) and (find_uv(venv) or subprocess.call([str(inside), "-c", "import pip"]) == 0):
        return
    uv = shutil.which("uv")
    python = python or fitting_python()
    if python is None and uv:
        say("No Python 3.11 to 3.14 here: uv provides one")
        run(uv, "venv", "--quiet", "--clear", "--seed", "--python", "3.13", str(venv))
        return
    if python is None:
        raise SetupError(
            "Waypost needs Python 3.11 to 3.14: install one (on Debian: apt install python3 python3-venv)."
        )
    if not has_venv(python):
        version = ".".join(str(part) for part in version_of(python) or [])
        raise SetupError(
            "The system package python3-venv is missing: install it (on Debian: apt install python%s-venv)." % version
        )
    say("Making %s with %s" % (venv, python))
    run(python, "-m", "venv", "--clear", str(venv))


def find_uv(venv: Path) -> Optional[str]:
    """Return the uv on PATH, in the environment or in ``.venv``, in this order; None if there is none."""
    return shutil.which("uv") or shutil.which(str(venv / "bin" / "uv")) or shutil.which(str(VENV / "bin" / "uv"))


def install(venv: Path, lock: Path) -> None:
    """Install the locked packages with uv if possible, otherwise with pip, from the same file of hashes."""
    python = str(venv / "bin" / "python")
    quiet = ["--quiet", "--disable-pip-version-check"]
    uv = find_uv(venv)
    if uv is None:
        by_pip = [python, "-m", "pip", "install", *quiet, "--require-hashes", "-r", "requirements/uv.txt"]
        subprocess.call(by_pip, cwd=str(ROOT))
        uv = find_uv(venv)
    say("Installing " + str(lock.relative_to(ROOT)))
    said = b""
    if uv:
        by_uv = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(lock)]
        done = subprocess.run(by_uv, cwd=str(ROOT), stderr=subprocess.PIPE, check=False)
        if done.returncode == 0:
            return
        said = done.stderr
        say("uv could not install: trying pip")
    try:
        run(python, "-m", "pip", "install", *quiet, "--require-hashes", "-r", str(lock))
    except SetupError:
        say(said.decode(errors="replace").rstrip())
        raise


def install_waypost(venv: Path) -> None:
    """Install Waypost itself, editable, with its command and version; the locked hatchling builds it."""
    python = str(venv / "bin" / "python")
    project = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", "."]
    uv = find_uv(venv)
    if uv and subprocess.call([uv, "pip", *project, "--python", python], cwd=str(ROOT)) == 0:
        return
    run(python, "-m", "pip", *project)


def fingerprint(lock: Path) -> str:
    """Return a digest of what the environment is made from: if it is unchanged, nothing needs to be done."""
    project = (ROOT / "pyproject.toml").read_bytes()
    parts = [lock.read_bytes(), project, Path(__file__).read_bytes(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_set_up(venv: Path, lock: Path) -> bool:
    """Return whether the environment has the packages of this lock."""
    stamp = venv / STAMP
    # An upgrade of the system may have removed the interpreter that the environment points to.
    # One in a folder that another user has closed counts as removed; Path.exists would raise for it.
    if not (stamp.exists() and os.path.exists(str(venv / "bin" / "python"))):
        return False
    have = stamp.read_text(encoding="utf-8").split()
    # The developers' lock includes the run-time packages.
    return fingerprint(lock) in have or (lock.name == "run.txt" and fingerprint(lock.with_name("dev.txt")) in have)


def set_up(venv: Path, lock: Path, python: Optional[str] = None) -> None:
    """Bring the environment up to date with the lock. Raise SetupError if that fails."""
    if is_set_up(venv, lock):
        return
    wanted = fingerprint(lock)
    make_venv(venv, python)
    install(venv, lock)
    install_waypost(venv)
    (venv / STAMP).write_text(wanted + "\n", encoding="utf-8")


def main() -> int:
    """Set up and return the exit code."""
    parser = argparse.ArgumentParser(description="Set up an environment for Waypost.")
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    parser.add_argument("--venv", type=Path, default=VENV, help="the folder of the environment (.venv)")
    parser.add_argument("--python", help="the interpreter to make it with; default: a suitable one is searched for")
    options = parser.parse_args()
    try:
        lock = ROOT / "requirements" / ("dev.txt" if options.dev else "run.txt")
        set_up(options.venv.resolve(), lock, options.python)
    except SetupError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
