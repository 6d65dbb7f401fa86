"""``waypost apikey``: the API keys of an account."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from cyclopts import App, Parameter

from waypost.actions import api_keys as actions
from waypost.actions.context import DatabaseContext
from waypost.actions.refusals import NotFound
from waypost.app.storage import migrated_database
from waypost.cli.answers import answer, answer_json
from waypost.cli.emails import operator_for
from waypost.cli.options import Account, AsJson, DatabaseUrl, DataDir, chosen, progress
from waypost.cli.terminal import print_table
from waypost.domain import ids
from waypost.domain.api_keys import Scope
from waypost.domain.errors import InvalidInput
from waypost.domain.times import rfc3339, rfc3339_or_none
from waypost.settings import Settings
from waypost.store import api_keys
from waypost.store.api_keys import KeyRow

APPLICATION: Final = App(name="apikey", help="Create, list and revoke the API keys of an account.")


@APPLICATION.command
def create(
    *,
    account: Account,
    name: Annotated[str, Parameter(help="What the key is for, so that people recognise it.")],
    scope: Annotated[
        tuple[Scope, ...],
        Parameter(name=("--permission", "--scope"), negative="", help="What the key allows. Default: everything."),
    ] = tuple(Scope),
    days: Annotated[
        int | None, Parameter(help="The number of days after which the key expires. Default: never.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Create a key, which is shown only once."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    scopes = [one.value for one in scope]
    key, text = asyncio.run(_create(settings, account, name, scopes, days))
    shown = {"id": ids.to_text(ids.API_KEY, key), "name": name.strip(), "scopes": scopes, "api_key": text}
    words = f"Id       {shown['id']}\nAPI key  {text}\n\nSave it: it is not shown again."
    answer(shown, words, as_json=as_json)


@APPLICATION.command(name="list")
def list_keys(
    *,
    account: Account,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List an account's keys, active ones first."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    rows = asyncio.run(_list(settings, account))
    if as_json:
        answer_json([_shown(row) for row in rows])
        return
    print_table(
        ("Id", "Name", "Prefix", "Permissions", "Last used", "Created by", "State"),
        [
            (
                *(ids.to_text(ids.API_KEY, row.id), row.name, row.prefix, ", ".join(row.scopes)),
                *("never" if row.last_used_at is None else f"{row.last_used_at:%Y-%m-%d %H:%M}",),
                *(row.made_by or "unknown", state_of(row)),
            )
            for row in rows
        ],
    )


@APPLICATION.command
def revoke(
    key: Annotated[str, Parameter(help="The key's id, as `list` shows it.")],
    *,
    account: Account,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Revoke a key. It stops working within five seconds."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    found = ids.from_text(ids.API_KEY, key)
    if found is None or not asyncio.run(_revoke(settings, account, found)):
        raise InvalidInput("key", "is not an active key of this account: see `waypost apikey list`")
    answer({"id": key}, f"{key} is revoked.", as_json=as_json)


def state_of(row: KeyRow) -> str:
    """Return the state of an API key in one word, for the table."""
    if row.revoked_at is not None:
        return "revoked"
    return "active" if row.works(datetime.now(UTC)) else "expired"


def _shown(row: KeyRow) -> dict[str, Any]:
    return {
        "id": ids.to_text(ids.API_KEY, row.id),
        "name": row.name,
        "prefix": row.prefix,
        "scopes": row.scopes,
        "state": state_of(row),
        "created_at": rfc3339(row.created_at),
        "expires_at": rfc3339_or_none(row.expires_at),
        "revoked_at": rfc3339_or_none(row.revoked_at),
        "last_used_at": rfc3339_or_none(row.last_used_at),
        "made_by": row.made_by,
    }


async def _create(settings: Settings, email: str, name: str, scopes: list[str], days: int | None) -> tuple[UUID, str]:
    async with migrated_database(settings, progress) as database:
        actor = await operator_for(database, email)
        return await actions.add(DatabaseContext(database=database), actor, name=name, scopes=scopes, days=days)


async def _list(settings: Settings, email: str) -> list[KeyRow]:
    async with migrated_database(settings, progress) as database:
        actor = await operator_for(database, email)
        async with database.serving.acquire() as session:
            return await api_keys.of_account(session, actor.account)


async def _revoke(settings: Settings, email: str, key: UUID) -> bool:
    async with migrated_database(settings, progress) as database:
        actor = await operator_for(database, email)
        try:
            return await actions.revoke(DatabaseContext(database=database), actor, key)
        except NotFound:
            return False
