"""The installed package contains everything that the server shows; a checkout would hide what it lacks."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from waypost.portal.help.documentation import PLACES

ROOT = Path(__file__).parents[2]


def test_the_package_contains_guides_pictures_templates_statements_and_snippets(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)

    [wheel] = tmp_path.glob("*.whl")
    held = set(ZipFile(wheel).namelist())

    assert {f"waypost/docs/{place.file}" for place in PLACES} <= held
    package = ROOT / "src" / "waypost"
    files = [file for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert {f"waypost/{file.relative_to(package)}" for file in files} <= held
    pictures = (ROOT / "docs").rglob("*.png")
    assert {f"waypost/docs/{picture.relative_to(ROOT / 'docs')}" for picture in pictures} <= held
