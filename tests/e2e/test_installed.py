"""The wheel in a clean environment: the receiving library alone, and commands that name their missing extra."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.serving import environment
from waypost.signing import standard

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
SECRET = "whsec_" + "A" * 43 + "="


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of programs of an environment with only the wheel."""
    made = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(made)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = made.glob("*.whl")
    subprocess.run([UV, "venv", "--quiet", "--offline", "--python", sys.executable, made / "env"], check=True)
    python = made / "env" / "bin" / "python"
    # No index to ask: what the wheel depended on could not be found.
    subprocess.run([UV, "pip", "install", "--quiet", "--no-index", "--python", python, wheel], check=True)
    return python.parent


def run(programs: Path, *command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program, *words = command
    ended = [str(programs / program), *words]
    return subprocess.run(ended, cwd=folder, env=environment(), check=False, capture_output=True, text=True)


def test_nothing_else_is_installed_and_pip_check_is_clean(programs: Path) -> None:
    python = ["--python", str(programs / "python")]

    listed = subprocess.check_output([UV, "pip", "list", "--format", "json", *python])
    checked = subprocess.run([UV, "pip", "check", *python], check=False, capture_output=True, text=True)

    assert [one["name"] for one in json.loads(listed)] == ["waypost"]
    assert checked.returncode == 0, checked.stderr


def test_the_library_receives_and_the_command_explains_a_webhook(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"{}")
    signature = standard.sign("evt_1", 1_790_000_000, b"{}", standard.key_of(SECRET))
    given = {"webhook-id": "evt_1", "webhook-timestamp": "1790000000", "webhook-signature": signature}
    headers = [f"--header={name}: {value}" for name, value in given.items()]

    imported = run(programs, "python", "-c", "import waypost.receiver, waypost.signing", folder=tmp_path)
    asked = ("verify", "body", "--secret", SECRET, "--received-at", "2026-09-21T14:13:20Z", "--json")
    explained = run(programs, "waypost", *asked, *headers, folder=tmp_path)

    assert (imported.returncode, imported.stderr) == (0, "")
    assert (explained.returncode, explained.stderr) == (0, "")
    assert json.loads(explained.stdout)["genuine"] is True


def test_the_version_of_an_installed_package_names_no_commit(programs: Path, tmp_path: Path) -> None:
    assert run(programs, "waypost", "--version", folder=tmp_path).stdout == f"{version('waypost')}\n"


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("serve",), "embedded"),
        (("web", "--database-url", "postgresql://nowhere/"), "server"),
        (("account", "create", "--email", "shop@example.com", "--name", "Shop"), "server"),
        (("listen",), "server"),
        ((), "server"),
    ],
)
def test_a_server_command_names_the_missing_extra_in_one_line(
    programs: Path, tmp_path: Path, words: tuple[str, ...], extra: str
) -> None:
    ended = run(programs, "waypost", *words, folder=tmp_path)

    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert f'pip install "waypost[{extra}]"' in ended.stderr
