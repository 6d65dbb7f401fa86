"""The interpreters that run the fast tests in addition to that of ``.venv``."""

from pathlib import Path

import pytest

from tools import other_pythons

WHOLE = '#!/bin/sh\ncase "$2" in *version_info*) echo 3.{minor};; esac\n'
WITHOUT_SSL = '#!/bin/sh\ncase "$2" in *version_info*) echo 3.{minor};; *) exit 1;; esac\n'


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def put(path: Path, text: str, minor: int) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.format(minor=minor))
    path.chmod(0o755)
    return str(path)


def test_path_comes_before_pyenv_and_the_newest_patch_first(machine: Path) -> None:
    on_path = put(machine / "path" / "python3.12", WHOLE, 12)
    older, newer = (put(machine / "pyenv/versions" / f"3.12.{n}" / "bin/python", WHOLE, 12) for n in (9, 10))

    assert list(other_pythons.interpreters(12)) == [on_path, newer, older]


def test_shims_of_other_versions_and_builds_without_ssl_are_skipped(machine: Path) -> None:
    put(machine / "path" / "python3.12", WHOLE, 11)
    put(machine / "pyenv/versions/3.12.1/bin/python", WITHOUT_SSL, 12)

    assert list(other_pythons.interpreters(12)) == []
