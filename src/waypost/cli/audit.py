"""``waypost audit``: verify the integrity of the audit log."""

import asyncio
from typing import Annotated, Final

from cyclopts import App, Parameter

from waypost.app.errors import Unwell
from waypost.app.storage import migrated_database
from waypost.cli.answers import answer
from waypost.cli.emails import operator_for
from waypost.cli.options import AsJson, DatabaseUrl, DataDir, chosen, progress
from waypost.settings import Settings
from waypost.store import audit
from waypost.store.audit import Chain

APPLICATION: Final = App(name="audit", help="Inspect an account's audit log.")


@APPLICATION.command
def verify(
    *,
    account: Annotated[str | None, Parameter(help="The e-mail address of one account. Default: all accounts.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Check that no entry of the audit log was modified or removed: each contains a digest of the previous one.

    Store the number and digest of the newest entry elsewhere to detect a truncated end, too. Exits with status 1 if an
    entry doesn't match.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    chains = asyncio.run(_verify(settings, account))
    answer({"accounts": chains}, "\n".join(map(_line, chains)), as_json=as_json)
    if broken := sum(chain.broken_at is not None for chain in chains):
        raise Unwell(f"The audit log of {broken} of {len(chains)} accounts was modified in the database.")


async def _verify(settings: Settings, email: str | None) -> list[Chain]:
    async with migrated_database(settings, progress) as database:
        account = None if email is None else (await operator_for(database, email)).account
        async with database.serving.acquire() as session:
            return [chain async for chain in audit.chains(session, account)]


def _line(chain: Chain) -> str:
    if chain.broken_at is not None:
        return f"!!  {chain.email}: entry {chain.broken_at} doesn't match the previous entry"
    return f"ok  {chain.email}: the newest entry is number {chain.entries}, with digest {chain.digest}"
