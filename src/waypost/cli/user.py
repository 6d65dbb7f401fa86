"""``waypost user``: manage web users."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter

from waypost.actions import users as actions
from waypost.actions.actor import operator
from waypost.actions.context import DatabaseContext
from waypost.app.storage import migrated_database
from waypost.cli.answers import answer, answer_json
from waypost.cli.confirming import agrees
from waypost.cli.emails import known_user, operator_for
from waypost.cli.options import AsJson, DatabaseUrl, DataDir, Yes, chosen, progress
from waypost.cli.passwords import Password, PasswordStdin, password_hash
from waypost.cli.terminal import print_table
from waypost.domain import ids
from waypost.domain.accounts import check_email
from waypost.domain.errors import InvalidInput, OperatorError
from waypost.domain.times import rfc3339
from waypost.settings import Settings
from waypost.store import accounts, api_keys
from waypost.store.accounts import AnyUserRow
from waypost.store.api_keys import KeyRow
from waypost.store.embedded.folder import running_url

APPLICATION: Final = App(name="user", help="Manage web users: create, list, reset passwords, issue login links.")

Email = Annotated[str, Parameter(help="The user's e-mail address.")]


@APPLICATION.command
def create(
    *,
    email: Email,
    account: Annotated[str, Parameter(help="The e-mail address of the account that the user belongs to.")],
    role: Annotated[Literal["owner", "member"], Parameter(help="Owners can also manage users.")] = "member",
    password: Password = None,
    password_stdin: PasswordStdin = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Add a user to an account. The server can be running."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    email = check_email(email)
    hashed = password_hash(password, from_input=password_stdin)
    asyncio.run(_create(settings, email, account, hashed, role))
    answer({"email": email, "role": role}, f"{email} can sign in now.", as_json=as_json)


@APPLICATION.command(name="list")
def list_users(
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List the users of all accounts, oldest first."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    rows = asyncio.run(_list(settings))
    if as_json:
        shown = [
            {"email": row.email, "account": row.account_email, "role": row.role, "created_at": rfc3339(row.created_at)}
            for row in rows
        ]
        answer_json(shown)
        return
    print_table(
        ("E-mail", "Account", "Role", "Created"),
        [(row.email, row.account_email, row.role, f"{row.created_at:%Y-%m-%d}") for row in rows],
    )


@APPLICATION.command
def reset_password(
    *,
    email: Email,
    password: Password = None,
    password_stdin: PasswordStdin = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Set a user's password and sign the user out everywhere."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    hashed = password_hash(password, from_input=password_stdin)
    email = email.strip()
    asyncio.run(_reset(settings, email, hashed))
    answer({"email": email}, f"{email} has a new password.", as_json=as_json)


@APPLICATION.command
def remove(
    *,
    email: Email,
    revoke_keys: Annotated[
        bool | None,
        Parameter(
            negative="--keep-keys",
            help="Whether API keys that the user created stop working or continue to; required if there are any.",
        ),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Remove a user, sign them out everywhere, and revoke or keep the API keys they created."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    email = email.strip()
    keys_at_stake = asyncio.run(_keys_of(settings, email))
    if keys_at_stake and revoke_keys is None:
        names = ", ".join(map(shown_key, keys_at_stake))
        raise InvalidInput("revoke-keys", f"or --keep-keys is needed: {names} still work")
    if not yes and not agrees(_loss(email, keys_at_stake, revoke=revoke_keys), "Remove the user?"):
        raise OperatorError("Nobody was removed.")
    revoked = asyncio.run(_remove(settings, email, revoke_keys))
    names = "".join(f"\nRevoked: {shown_key(row)}" for row in revoked)
    keys = [ids.to_text(ids.API_KEY, row.id) for row in revoked]
    answer({"email": email, "revoked": keys}, f"{email} is removed.{names}", as_json=as_json)


@APPLICATION.command
def login_link(
    *,
    email: Email,
    url: Annotated[
        str | None, Parameter(help="The server's URL. Default: WAYPOST_PUBLIC_URL, or the server's own address.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print a link that signs a user in once, within 15 minutes."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    token = asyncio.run(_make_link(settings, email))
    base = url or settings.public_url or (running_url(settings.data_dir) if settings.database_url is None else None)
    base = base or _own_url(settings)
    link = f"{base.rstrip('/')}/login/{token}"
    answer({"url": link, "minutes": actions.LINK_MINUTES}, link, as_json=as_json)


async def _list(settings: Settings) -> list[AnyUserRow]:
    async with migrated_database(settings, progress) as database, database.serving.acquire() as session:
        return [row async for row in accounts.all_users(session)]


async def _create(settings: Settings, email: str, account: str, hashed: str, role: str) -> None:
    async with migrated_database(settings, progress) as database:
        actor = await operator_for(database, account)
        await actions.add(DatabaseContext(database=database), actor, email=email, password_hash=hashed, role=role)


async def _reset(settings: Settings, email: str, hashed: str) -> None:
    async with migrated_database(settings, progress) as database:
        user = await known_user(database, email)
        await actions.change_password(DatabaseContext(database=database), operator(user.account), user.email, hashed)


async def _keys_of(settings: Settings, email: str) -> Sequence[KeyRow]:
    async with migrated_database(settings, progress) as database:
        user = await known_user(database, email)
        async with database.serving.acquire() as session:
            return await api_keys.working_of(session, user.account, user.email, datetime.now(UTC))


def _loss(email: str, keys: Sequence[KeyRow], *, revoke: bool | None) -> str:
    """Return what happens when a user is removed."""
    names = ", ".join(map(shown_key, keys))
    ending = f" and these API keys stop working: {names}" if keys and revoke else ""
    return f"{email} is signed out everywhere and can't sign in any more{ending}."


async def _remove(settings: Settings, email: str, revoke: bool | None) -> Sequence[KeyRow]:  # noqa: FBT001 - the option
    async with migrated_database(settings, progress) as database:
        user = await known_user(database, email)
        async with database.serving.acquire() as session:
            keys = await api_keys.working_of(session, user.account, user.email, datetime.now(UTC))
        if keys and revoke is None:  # created since the question
            raise InvalidInput("revoke-keys", "or --keep-keys is needed: the user has just created a key")
        ending = [key.id for key in keys] if revoke else []
        context = DatabaseContext(database=database)
        return await actions.remove(context, operator(user.account), user.id, revoke=ending)


async def _make_link(settings: Settings, email: str) -> str:
    async with migrated_database(settings, progress) as database:
        user = await known_user(database, email)
        return await actions.make_login_link(DatabaseContext(database=database), operator(user.account), user.email)


def shown_key(row: KeyRow) -> str:
    """Return an API key as people know it, for a message."""
    return f"{row.name} ({row.prefix}…)"


def _own_url(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"
