"""The pages for contributors: every file and folder that they name exists, and no part of the package is left out."""

import re

import pytest

from tests.support.documentation import FILES, FOLDER

ROOT = FOLDER.parent
PACKAGE = ROOT / "src" / "waypost"
PAGES = ["ARCHITECTURE.md", "CONTRIBUTING.md", *(f"docs/{file}" for file in FILES if file.startswith("contributing/"))]
_NAMED = re.compile(r"`((?:\.?\w+/)*\w+\.(?:py|sql|md|toml|html|css|js)|\.?\w+/[\w/]*)`")
_MADE = {"build/release", "licences.md"}  # by make


@pytest.mark.parametrize("page", PAGES)
def test_files_and_folders_that_contributors_are_sent_to_exist(page: str) -> None:
    named = set(_NAMED.findall((ROOT / page).read_text(encoding="utf-8"))) - _MADE
    names = {one.name for folder in ("src", "tests", "tools") for one in (ROOT / folder).rglob("*")}

    lost = [one for one in named if not (ROOT / one).exists() and not (PACKAGE / one).exists()]
    assert [one for one in lost if "/" in one or one not in names] == []
    assert named


def test_the_table_of_packages_lists_all_of_them() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.partition("## The packages")[2].partition("\n\n`make check`")[0]

    parts = {one.name for one in PACKAGE.iterdir() if not one.name.startswith("__")} - {"py.typed"}
    assert [part for part in sorted(parts) if f"`{part}`" not in table] == []
