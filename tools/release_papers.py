"""``make release-papers``: what a release contains, as an SBOM for scanners and a page of licences for people.

Both describe an environment with exactly the locked packages of ``requirements/run.txt``, made in ``build/release``.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tools import bootstrap

FOLDER = bootstrap.ROOT / "build" / "release"
SBOM = FOLDER / "sbom.cdx.json"
LICENCES = FOLDER / "licences.md"
IN_A_FILE: Mapping[str, str] = MappingProxyType({"pyreqwest": "Apache-2.0", "rich-click": "MIT"})
"""Licences of packages that name theirs only in a LICENSE file."""

HEAD = """# Licences

The packages that `waypost[embedded]` installs, with the licence that each one declares. Waypost itself: Apache-2.0.

| package | version | licence |
| --- | --- | --- |
"""


def main() -> int:
    """Write both papers and return the exit status; 1 if a package declares no licence."""
    environment = FOLDER / "environment"
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        bootstrap.set_up(environment, bootstrap.ROOT / "requirements" / "run.txt")
    except bootstrap.SetupError as error:
        bootstrap.say(str(error))
        return 1
    write_sbom(environment / "bin" / "python")
    sbom = json.loads(SBOM.read_text(encoding="utf-8"))
    LICENCES.write_text(licences_page(sbom), encoding="utf-8")
    print(f"{SBOM.relative_to(bootstrap.ROOT)}\n{LICENCES.relative_to(bootstrap.ROOT)}")
    missing = [component["name"] for component in packages(sbom) if not licence_of(component)]
    if missing:
        print(f"No licence is declared by: {', '.join(missing)}", file=sys.stderr)
    if not has_address(bootstrap.ROOT / "pyproject.toml"):
        print("pyproject.toml has no [project.urls]: add the project's address before you publish.", file=sys.stderr)
    return 1 if missing else 0


def has_address(pyproject: Path) -> bool:
    """Return whether a project file names an address of the project, which a package index shows beside it."""
    return bool(tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"].get("urls"))


def write_sbom(python: Path) -> None:
    """Write the SBOM of an environment. Raise CalledProcessError if that fails."""
    tool = bootstrap.VENV / "bin" / "cyclonedx-py"
    project = bootstrap.ROOT / "pyproject.toml"
    options = ("--pyproject", str(project), "--mc-type", "application", "--output-reproducible", "--of", "JSON")
    subprocess.run((tool, "environment", *options, "-o", str(SBOM), str(python)), check=True)


def licences_page(sbom: Mapping[str, Any]) -> str:
    """Return the page of licences: every package of an SBOM by name, with its version and licence."""
    rows = [f"| {one['name']} | {one['version']} | {licence_of(one) or 'not declared'} |" for one in packages(sbom)]
    return HEAD + "\n".join(rows) + "\n"


def packages(sbom: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the components of an SBOM except Waypost itself, by name."""
    components: list[Mapping[str, Any]] = [one for one in sbom["components"] if one["name"] != "waypost"]
    return sorted(components, key=lambda one: str(one["name"]).lower())


def licence_of(component: Mapping[str, Any]) -> str:
    """Return the licences that a component declares, such as ``MIT``, or an empty text.

    Some packages declare the same licence twice, as an expression and as a classifier: it is named once. The text of a
    licence that has no name is not a name.
    """
    return ", ".join(dict.fromkeys(_names(component))) or IN_A_FILE.get(component["name"], "")


def _names(component: Mapping[str, Any]) -> Iterator[str]:
    for entry in component.get("licenses", ()):
        licence = entry.get("license", {})
        name = entry.get("expression") or licence.get("id") or licence.get("name", "")
        if name and "\n" not in name:
            yield name.removeprefix("License :: ").removeprefix("OSI Approved :: ")


if __name__ == "__main__":
    sys.exit(main())
