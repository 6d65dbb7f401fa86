"""``waypost doctor``: what is wrong with an installation, and what to do."""

import asyncio
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter

from waypost.app.doctor import Finding, State, examine
from waypost.app.errors import Unwell
from waypost.cli.options import AsJson, DatabaseUrl, DataDir, chosen, progress

_MARKS: Final = {State.FINE: "ok", State.WARNING: "??", State.WRONG: "!!"}


def doctor(
    *,
    as_json: Annotated[AsJson, Parameter(name="--json")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Look the installation over, running or not, and say what is wrong and what to do; changes nothing.

    It ends with 1 when something is wrong; warnings alone end with 0.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    findings = asyncio.run(examine(settings, progress))
    shown = msgspec.json.encode({"findings": findings}).decode() if as_json else "\n".join(map(_line, findings))
    print(shown)  # noqa: T201 - the command's answer
    if wrong := sum(finding.state is State.WRONG for finding in findings):
        raise Unwell(f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong.")


def _line(finding: Finding) -> str:
    remedy = "" if finding.remedy is None else f"\n{'':20}-> {finding.remedy}"
    return f"{_MARKS[finding.state]}  {finding.check:16}{finding.says}{remedy}"
