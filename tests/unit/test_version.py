"""The output of ``waypost --version``."""

import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from waypost.cli import main

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="this is not a checkout")
def test_a_checkout_names_its_commit(capsys: pytest.CaptureFixture[str]) -> None:
    head = subprocess.check_output(["git", "rev-parse", "--short=10", "HEAD"], cwd=ROOT, text=True).strip()  # noqa: S607 - wherever git is

    code = main(["--version"])

    assert code == 0
    assert capsys.readouterr().out.startswith(f"{version('waypost')} (commit {head}")
