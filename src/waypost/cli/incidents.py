"""``waypost incidents``: what is wrong with the installation, or with an account's endpoints and sources."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from waypost.actions import incidents as actions
from waypost.actions.context import DatabaseContext
from waypost.actions.incidents import Incident
from waypost.app.storage import migrated_database
from waypost.cli.answers import answer
from waypost.cli.emails import operator_for
from waypost.cli.options import AsJson, DatabaseUrl, DataDir, chosen, progress
from waypost.domain.incidents import State
from waypost.settings import Settings


def incidents(
    *,
    account: Annotated[
        str | None, Parameter(help="The e-mail address of an account. Default: incidents of the installation.")
    ] = None,
    closed: Annotated[bool, Parameter(help="List incidents that are over, too.", negative="")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List the open incidents of the installation, or of one account."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    found = asyncio.run(_found(settings, account, None if closed else State.OPEN))
    answer({"incidents": found}, "\n".join(map(_line, found)) or "No open incidents.", as_json=as_json)


async def _found(settings: Settings, email: str | None, state: State | None) -> list[Incident]:
    async with migrated_database(settings, progress) as database:
        account = None if email is None else (await operator_for(database, email)).account
        return await actions.newest(DatabaseContext(database=database), account, state=state)


def _line(incident: Incident) -> str:
    mark = "!!" if incident.state == State.OPEN else "ok"
    return f"{mark}  {incident.opened_at}  {incident.kind} {incident.subject}: {incident.message}"
