"""Setting up on a fresh machine, with a changed lock, and with a lost interpreter."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools import bootstrap

ROOT = Path(__file__).parents[2]
BOOTSTRAP = ROOT / "tools" / "bootstrap.py"
FAKE_UV = '#!/bin/sh\necho "$@" >> "$UV_CALLS"\nexit 0\n'


class Checkout:
    """A small checkout in a folder whose name has a space, with a ``uv`` that only writes down what it is asked."""

    def __init__(self, root: Path) -> None:
        self.root = root / "a checkout"
        self.calls = root / "calls"
        self.programs = root / "programs"
        for folder in (self.root / "tools", self.root / "requirements", self.programs):
            folder.mkdir(parents=True)
        (self.root / "tools" / "bootstrap.py").write_text(BOOTSTRAP.read_text())
        (self.root / "pyproject.toml").write_text("[project]\n")
        for name in ("run.txt", "dev.txt"):
            (self.root / "requirements" / name).write_text(f"# {name}\n")
        self.put("uv", FAKE_UV)

    def put(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def set_up(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(self.root / "tools" / "bootstrap.py"), *options]
        environment = {"PATH": f"{self.programs}{os.pathsep}{os.defpath}", "UV_CALLS": str(self.calls)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def taken(self) -> list[str]:
        calls = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return calls


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    made = Checkout(tmp_path_factory.mktemp("setup"))
    assert made.set_up().returncode == 0
    return made


@pytest.fixture(autouse=True)
def settled(checkout: Checkout) -> None:
    checkout.set_up()
    checkout.taken()


def test_nothing_is_done_if_nothing_changed(checkout: Checkout) -> None:
    again = checkout.set_up()

    assert (again.returncode, again.stderr, checkout.taken()) == (0, "", [])


def test_a_changed_lock_is_installed_with_its_hashes(checkout: Checkout) -> None:
    (checkout.root / "requirements" / "run.txt").write_text("# changed\n")

    checkout.set_up()

    first, *_ = checkout.taken()
    assert "--require-hashes" in first
    assert first.endswith("requirements/run.txt")


def test_the_development_environment_also_satisfies_setup(checkout: Checkout) -> None:
    checkout.set_up("--dev")
    checkout.taken()

    checkout.set_up()

    assert checkout.taken() == []


def test_an_environment_without_its_interpreter_is_recreated(checkout: Checkout) -> None:
    python = checkout.root / ".venv" / "bin" / "python"
    python.unlink()

    done = checkout.set_up()

    assert done.returncode == 0, done.stderr
    assert python.exists()


def test_an_interpreter_that_cannot_be_reached_counts_as_removed(tmp_path: Path) -> None:
    lock = ROOT / "requirements" / "run.txt"
    (tmp_path / "bin").mkdir()
    (tmp_path / bootstrap.STAMP).write_text(bootstrap.fingerprint(lock))
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    before = bootstrap.is_set_up(tmp_path, lock)

    (tmp_path / "bin" / "python").unlink()
    # A name that is too long: an error for root, too, unlike a folder that another user has closed.
    (tmp_path / "bin" / "python").symlink_to("/" + "closed" * 50)

    assert (before, bootstrap.is_set_up(tmp_path, lock)) == (True, False)


def test_what_uv_said_is_shown_only_if_pip_fails_too(checkout: Checkout) -> None:
    lock = checkout.root / "requirements" / "run.txt"
    fails = "#!/bin/sh\necho 'no network' >&2\nexit 2\n"
    checkout.put("uv", fails)
    try:
        lock.write_text("waypost-unknown==1\n")  # without a hash: pip rejects it before it looks anywhere
        failed = checkout.set_up()
    finally:
        checkout.put("uv", FAKE_UV)
        lock.write_text("# run.txt\n")

    before, _, after = failed.stderr.partition("trying pip")
    assert (failed.returncode, "no network" in before, "no network" in after) == (1, False, True)


def test_the_script_is_valid_python_3_8() -> None:
    ast.parse(BOOTSTRAP.read_text(), feature_version=(3, 8))


def test_the_locked_build_package_matches_the_project() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]

    locked = [line.split("#")[0].strip() for line in (ROOT / "requirements" / "build.in").read_text().splitlines()]

    assert locked == asked
