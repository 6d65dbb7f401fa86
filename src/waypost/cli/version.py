"""The version of Waypost and, in a checkout, its commit."""

import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[3]
_DESCRIBE: Final = ("describe", "--always", "--dirty", "--abbrev=10", "--exclude=*")
_SECONDS: Final = 5


def version_line() -> str:
    """Return the version, followed in a checkout by the commit, with ``-dirty`` if files were changed."""
    commit = _commit()
    return f"{version('waypost')} (commit {commit})" if commit else version("waypost")


def _commit() -> str | None:
    # An installed package may lie below somebody else's repository, which says nothing about it.
    if not ((_ROOT / ".git").exists() and (_ROOT / "src" / "waypost").is_dir()):
        return None
    try:
        described = subprocess.run(  # noqa: S603 - fixed words
            ["git", "-C", str(_ROOT), *_DESCRIBE],  # noqa: S607 - wherever git is
            check=False,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return described.stdout.strip() or None
