"""``waypost connections``: manage an account's connections to carriers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

from cyclopts import App, Parameter

from waypost.actions import connection_sharing as sharing
from waypost.actions import connections as actions
from waypost.actions.actor import Actor
from waypost.actions.connection_health import Connection
from waypost.actions.connections import ConnectionChange, NewConnection, Probe
from waypost.actions.context import ConnectionContext
from waypost.app.sources import connecting
from waypost.cli.answers import answer, answer_json
from waypost.cli.emails import operator_for
from waypost.cli.options import Account, AsJson, DatabaseUrl, DataDir, chosen, progress
from waypost.cli.standard_input import read_object
from waypost.cli.terminal import print_table
from waypost.domain.errors import InvalidInput
from waypost.settings import Settings
from waypost.sources import polled

APPLICATION: Final = App(name="connections", help="Connect carriers for an account, test and delete connections.")
T = TypeVar("T")

Id = Annotated[str, Parameter(help="The connection's id, as `list` shows it.")]
Untested = Annotated[bool, Parameter(help="Store the credentials without testing them.")]


@APPLICATION.command(name="carriers")
def list_carriers(*, as_json: AsJson = False) -> None:
    """List the carriers that can be connected, with the credentials that each needs."""
    offered = polled.every(with_bridge=chosen().karrio_python is not None)
    known = [
        {"source": one.name, "title": one.title, "credentials": {field.name: field.label for field in one.fields}}
        for one in offered
    ]
    if as_json:
        answer_json(known)
        return
    needs = [", ".join(f.name if f.required else f"{f.name} (optional)" for f in one.fields) for one in offered]
    print_table(
        ["Source", "Carrier", "Credentials"],
        [(one.name, one.title, fields) for one, fields in zip(offered, needs, strict=True)],
    )


@APPLICATION.command(name="list")
def list_connections(
    *,
    account: Account,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List an account's connections, and those of the operator that it can use, with their health."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    found: list[Connection] = _do(settings, account, actions.list_connections)
    if as_json:
        answer_json(found)
        return
    print_table(["Id", "Carrier", "Name", "State", "Parcels", "Calls left today"], map(_row, found))
    for one in found:
        if one.message:
            progress(f"{one.name}: {one.message}")


@APPLICATION.command
def add(
    source: Annotated[str, Parameter(help="The carrier, as `waypost connections carriers` lists it, or a service.")],
    *,
    account: Account,
    name: Annotated[str | None, Parameter(help="Its name on pages. Default: the carrier's name.")] = None,
    daily_calls: Annotated[int | None, Parameter(help="The number of calls per day that the carrier granted.")] = None,
    untested: Untested = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Connect a carrier or a service that pushes. Its credentials are read from standard input, as a JSON object.

    A carrier's credentials are tested first, and stored only if the carrier accepts them. For a service, the command
    prints the address that it pushes to, and the secrets that Waypost generated because you left them out.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    granted = {} if daily_calls is None else {"daily_calls": str(daily_calls)}
    body = NewConnection(source, read_object("credentials", example='{"api_key": "…"}'), name, granted, untested)
    made = _do(settings, account, lambda context, owner: actions.add(context, owner, body))
    lines = [f"{made.id} connects {made.name}."]
    lines += [] if made.inbound_url is None else [f"Address: {made.inbound_url}"]
    lines += [f"{secret}: {text}" for secret, text in made.generated.items()]
    answer(made, "\n".join(lines), as_json=as_json)


@APPLICATION.command(name="test")
def try_credentials(
    connection: Id,
    *,
    account: Account,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> int:
    """Test a connection's credentials, and print the result. Exits with status 1 if the carrier rejects them."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    found = actions.read_id(connection)
    tried: Probe = _do(settings, account, lambda context, owner: actions.test_credentials(context, owner, found))
    answer(tried, tried.message, as_json=as_json)
    return 0 if tried.ok else 1


@APPLICATION.command
def change(
    connection: Id,
    *,
    account: Account,
    name: Annotated[str | None, Parameter(help="Its name on pages.")] = None,
    enabled: Annotated[bool | None, Parameter(help="Whether its carrier is polled.")] = None,
    daily_calls: Annotated[int | None, Parameter(help="The number of calls per day that the carrier granted.")] = None,
    credentials_stdin: Annotated[
        bool, Parameter(negative="", help="Read new credentials from standard input, as a JSON object.")
    ] = False,
    untested: Untested = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Change a connection: its name, whether it is enabled, the granted calls, its credentials."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    granted = None if daily_calls is None else {"daily_calls": str(daily_calls)}
    body = ConnectionChange(
        name,
        enabled,
        read_object("credentials", example='{"api_key": "…"}') if credentials_stdin else None,
        granted,
        untested,
    )
    found = actions.read_id(connection)
    made = _do(settings, account, lambda context, owner: actions.change(context, owner, found, body))
    answer(made, f"{made.id} is {made.state}.", as_json=as_json)


@APPLICATION.command
def delete(
    connection: Id,
    *,
    account: Account,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete a connection with its credentials. Other connections that cover its parcels take them over."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    found = actions.read_id(connection)
    _do(settings, account, lambda context, owner: actions.delete(context, owner, found))
    answer({"id": connection}, f"{connection} is deleted.", as_json=as_json)


@APPLICATION.command
def share(
    source: Annotated[str, Parameter(help="The carrier whose credentials are in the settings.")],
    *,
    accounts: Annotated[
        list[str] | None,
        Parameter(name="--with", negative="", help="The e-mail address of an account that can use it; repeatable."),
    ] = None,
    with_all: Annotated[bool, Parameter(negative="", help="Let all accounts use it, including new ones.")] = False,
    with_none: Annotated[bool, Parameter(negative="", help="Let no account use it.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Choose which accounts can use a connection of the operator (by default all); without options, show them."""
    if bool(accounts) + with_all + with_none > 1:
        raise InvalidInput("with", "can't be given together with --with-all or --with-none, nor these together")
    settings = chosen(data_dir=data_dir, database_url=database_url)

    async def act() -> list[str] | None:
        async with connecting(settings, progress) as context:
            if not accounts and not with_all and not with_none:
                return (await sharing.find(context, source)).shared_with
            named = [(await operator_for(context.database, email)).account for email in accounts or ()]
            return (await sharing.share(context, source, None if with_all else named)).shared_with

    may = asyncio.run(act())
    said = "Every account" if may is None else ", ".join(may) or "No account"
    answer({"source": source, "accounts": may}, f"{said} may use the {source} connection.", as_json=as_json)


def _do(settings: Settings, email: str, action: Callable[[ConnectionContext, Actor], Awaitable[T]]) -> T:
    async def act() -> T:
        async with connecting(settings, progress) as context:
            return await action(context, await operator_for(context.database, email))

    return asyncio.run(act())


def _row(connection: Connection) -> tuple[str, ...]:
    name = connection.name if connection.owner == "account" else f"{connection.name} (the operator's)"
    left = f"{connection.asks_left:,}"
    return connection.id, connection.source, name, connection.state, f"{connection.parcels:,}", left
