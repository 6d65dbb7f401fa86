"""``waypost account``: create, list and delete accounts, and set their quotas."""

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

import msgspec
from cyclopts import App, Parameter

from waypost.actions import account_deletion
from waypost.actions import accounts as actions
from waypost.actions.context import DatabaseContext
from waypost.app.registering import usual_quota
from waypost.app.storage import migrated_database
from waypost.cli.answers import answer, answer_json
from waypost.cli.confirming import agrees
from waypost.cli.emails import operator_for
from waypost.cli.options import Account, AsJson, DatabaseUrl, DataDir, Yes, chosen, progress
from waypost.cli.passwords import Password, PasswordStdin, password_hash
from waypost.cli.terminal import counted, print_table
from waypost.domain import ids
from waypost.domain.accounts import check_email, check_name
from waypost.domain.errors import InvalidInput, OperatorError
from waypost.domain.quotas import UNLIMITED, Quota, Usage
from waypost.settings import Settings
from waypost.store import accounts
from waypost.store.accounts import AccountContents, AccountRow

APPLICATION: Final = App(name="account", help="Create, list and delete accounts, and set their quotas.")
LONGEST_BOUND: Final = 18
PROGRESS_SECONDS: Final = 2.0
_AS: Final = ": a number, `unlimited`, or `default` for the installation's setting."
_WORDS: Final = {"default": None, "unlimited": UNLIMITED}


@APPLICATION.command
def create(
    *,
    email: Annotated[
        str, Parameter(help="The account's e-mail address, used to sign in and as the key of V2 and V3 signatures.")
    ],
    name: Annotated[str, Parameter(help="The shop's name.")],
    password: Password = None,
    password_stdin: PasswordStdin = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Create an account with its first user and its first API key, which is shown only once.

    The server can be running. Without --password or --password-stdin, the command prompts for the password.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    email, name = check_email(email), check_name(name)
    hashed = password_hash(password, from_input=password_stdin)
    account, key = asyncio.run(_create(settings, email, name, hashed))
    shown = {"account_id": ids.to_text(ids.ACCOUNT, account), "email": email, "api_key": key}
    words = f"Account  {shown['account_id']}\nE-mail   {email}\nAPI key  {key}\n\nSave the key: it is not shown again."
    answer(shown, words, as_json=as_json)


@APPLICATION.command(name="list")
def list_accounts(
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List the accounts of the installation, oldest first."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    rows = asyncio.run(_list(settings))
    if as_json:
        shown = [msgspec.structs.asdict(row) | {"id": ids.to_text(ids.ACCOUNT, row.id)} for row in rows]
        answer_json(shown)
        return
    print_table(
        ("Account", "E-mail", "Name", "Created", "Users", "API keys"),
        [
            (ids.to_text(ids.ACCOUNT, row.id), row.email, row.name, f"{row.created_at:%Y-%m-%d}", row.users, row.keys)
            for row in rows
        ],
    )


@APPLICATION.command
def quota(
    *,
    account: Account,
    parcels: Annotated[str | None, Parameter(help=f"The maximum number of parcels{_AS}")] = None,
    updates_per_day: Annotated[str | None, Parameter(help=f"The maximum number of updates per UTC day{_AS}")] = None,
    disk_bytes: Annotated[
        str | None, Parameter(help=f"The maximum size of its parcels and events in bytes{_AS}")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Set the given quotas of an account, then show its quotas and usage.

    Servers apply a change within ten seconds. Usage is measured every minute.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    given = {"parcels": parcels, "updates_per_day": updates_per_day, "disk_bytes": disk_bytes}
    wanted = {name: _bound(name, text) for name, text in given.items() if text is not None}
    effective, usage = asyncio.run(_quota(settings, account, wanted))
    used = {"parcels": usage.parcels, "updates_per_day": usage.updates_today, "disk_bytes": usage.disk_bytes}
    shown = {
        name: {"used": used[name], "quota": None if bound is None or bound >= UNLIMITED else bound}
        for name, bound in msgspec.structs.asdict(effective).items()
    }
    lines = []
    for name, one in shown.items():
        most = "(no quota)" if one["quota"] is None else f"of {one['quota']:,}"
        lines.append(f"{name.replace('_', ' '):<16} {one['used']:,} {most}")
    answer(shown, "\n".join(lines), as_json=as_json)


@APPLICATION.command
def delete(
    *,
    account: Account,
    yes: Yes = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete an account with its users, API keys, endpoints, connections, parcels, history and audit log.

    Nothing can be restored, except from a backup. Waiting webhooks are not sent. The server can be running. If the
    command is interrupted, nobody can use the account any more; run the command again to delete the rest.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    email = account.strip()
    contents = asyncio.run(_contents(settings, email))
    if not yes and not agrees(f"{email} has {_listed(contents)}.", "Delete all of it for good?"):
        raise OperatorError("Nothing was deleted.")
    asyncio.run(_delete(settings, email))
    shown = {"account": email, **msgspec.structs.asdict(contents)}
    answer(shown, f"{email} is deleted, with {_listed(contents)}.", as_json=as_json)


def _listed(contents: AccountContents) -> str:
    words = {
        "parcel": contents.parcels,
        "endpoint": contents.endpoints,
        "connection": contents.connections,
        "alert channel": contents.alert_channels,
        "API key": contents.api_keys,
        "user": contents.users,
    }
    *others, last = (counted(count, noun) for noun, count in words.items())
    return f"{', '.join(others)} and {last}"


def _bound(name: str, text: str) -> int | None:
    """Return a quota as it is stored: None for the installation's."""
    if text in _WORDS:
        return _WORDS[text]
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_BOUND):
        raise InvalidInput(name, "must be a whole number, `unlimited`, or `default`")
    return int(text)


async def _quota(settings: Settings, email: str, chosen: Mapping[str, int | None]) -> tuple[Quota, Usage]:
    async with migrated_database(settings, progress) as database:
        actor = await operator_for(database, email)
        return await actions.set_quota(DatabaseContext(database=database), actor, chosen, usual=usual_quota(settings))


async def _contents(settings: Settings, email: str) -> AccountContents:
    async with migrated_database(settings, progress) as database:
        return await account_deletion.contents(DatabaseContext(database=database), await operator_for(database, email))


async def _delete(settings: Settings, email: str) -> None:
    told = [time.monotonic()]

    def seen(rows: int) -> None:
        if time.monotonic() - told[0] >= PROGRESS_SECONDS:
            told[0] = time.monotonic()
            progress(f"{counted(rows, 'row')} deleted so far.", rows=rows)

    async with migrated_database(settings, progress) as database:
        actor = await operator_for(database, email)
        await account_deletion.delete(DatabaseContext(database=database), actor, seen)


async def _list(settings: Settings) -> list[AccountRow]:
    async with migrated_database(settings, progress) as database, database.serving.acquire() as session:
        return [row async for row in accounts.all_accounts(session)]


async def _create(settings: Settings, email: str, name: str, hashed: str) -> tuple[UUID, str]:
    async with migrated_database(settings, progress) as database:
        return await actions.create(DatabaseContext(database=database), email=email, name=name, password_hash=hashed)
