"""Programs load only what they use, so that they start quickly."""

import subprocess
import sys

import pytest

HTTP_SERVER = {"litestar", "granian", "jinja2", "markdown_it", "limits"}


def packages_of(statement: str) -> set[str]:
    """Return the packages that a fresh interpreter has loaded after a statement."""
    script = f"import sys; {statement}; print(*sys.modules, file=sys.stderr)"
    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stderr
    return {name.partition(".")[0] for name in said.split()}


@pytest.mark.parametrize("words", [["--version"], ["verify", "--help"]])
def test_commands_of_the_library_load_nothing_but_the_standard_library(words: list[str]) -> None:
    before = packages_of("pass")

    loaded = packages_of(f"from waypost.cli import main; main({words})") - before

    assert loaded - sys.stdlib_module_names == {"waypost"}


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        ("waypost.app.child", HTTP_SERVER | {"cyclopts", "argon2"}),
        ("waypost.cli.serve", HTTP_SERVER | {"pyreqwest"}),  # they are loaded while PostgreSQL starts
        ("waypost.cli.account", HTTP_SERVER | {"pyreqwest"}),
        ("waypost.cli.migrate", HTTP_SERVER | {"pyreqwest"}),
        ("waypost.cli.listen", HTTP_SERVER | {"pyreqwest", "asyncpg"}),
    ],
)
def test_a_process_loads_no_package_of_roles_it_does_not_run(module: str, spared: set[str]) -> None:
    assert packages_of(f"import {module}") & spared == set()
