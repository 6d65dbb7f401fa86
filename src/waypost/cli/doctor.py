"""``waypost doctor``: report the problems of an installation, and their remedies."""

import asyncio
from typing import Final

from waypost.app.doctor import CheckResult, Severity, examine
from waypost.app.errors import Unwell
from waypost.cli.answers import answer
from waypost.cli.options import AsJson, DatabaseUrl, DataDir, chosen, progress
from waypost.cli.version import version_line

_MARKS: Final = {Severity.FINE: "ok", Severity.WARNING: "??", Severity.WRONG: "!!"}


def doctor(
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Check the installation, running or not, and report problems and remedies. Changes nothing, sends nothing.

    It reads settings from its own environment and `waypost.toml`, so run it with those of the server. It connects to
    the endpoints' servers to read when their certificates expire. Exits with status 1 if there are errors, and with 0
    if there are only warnings.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    findings = asyncio.run(examine(settings, progress))
    version = version_line()
    lines = [f"Waypost {version}", *map(_line, findings)]
    answer({"version": version, "findings": findings}, "\n".join(lines), as_json=as_json)
    if wrong := sum(finding.state is Severity.WRONG for finding in findings):
        raise Unwell(f"{wrong} {'error' if wrong == 1 else 'errors'} found.")


def _line(finding: CheckResult) -> str:
    remedy = "" if finding.remedy is None else f"\n{'':20}-> {finding.remedy}"
    return f"{_MARKS[finding.state]}  {finding.check:16}{finding.says}{remedy}"
