"""``waypost user``: manage web users."""

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter

from waypost.actions import accounts as actions
from waypost.actions.actor import note, operator
from waypost.actions.context import DatabaseContext
from waypost.app.storage import migrated_database
from waypost.cli.emails import NO_ACCOUNT, known_address
from waypost.cli.options import AsJson, DatabaseUrl, DataDir, chosen, progress
from waypost.cli.passwords import Password, PasswordStdin, password_hash
from waypost.domain import ids
from waypost.domain.accounts import check_email
from waypost.domain.audit import Action, Changes
from waypost.domain.errors import InvalidInput
from waypost.settings import Settings
from waypost.store import accounts, api_keys, user_changes
from waypost.store.api_keys import KeyRow
from waypost.store.statements import Session, transaction

LINK_MINUTES: Final = 15
_TOKEN_BYTES: Final = 32
_NO_USER: Final = "is not a user's e-mail address: see `waypost user create --help`"
APPLICATION: Final = App(name="user", help="Manage web users: create, reset passwords, issue login links.")

Email = Annotated[str, Parameter(help="The user's e-mail address.")]


@APPLICATION.command
def create(
    *,
    email: Email,
    account: Annotated[str, Parameter(help="The e-mail address of the account that the user belongs to.")],
    role: Annotated[Literal["owner", "member"], Parameter(help="Owners can also manage users.")] = "member",
    password: Password = None,
    password_stdin: PasswordStdin = False,
    as_json: Annotated[AsJson, Parameter(name="--json")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Add a user to an account. The server can be running."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    email, account = check_email(email), known_address("account", account, NO_ACCOUNT)
    hashed = password_hash(password, from_input=password_stdin)
    asyncio.run(_create(settings, email, account, hashed, role))
    _say(as_json, {"email": email, "role": role}, f"{email} can sign in now.")


@APPLICATION.command
def reset_password(
    *,
    email: Email,
    password: Password = None,
    password_stdin: PasswordStdin = False,
    as_json: Annotated[AsJson, Parameter(name="--json")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Set a user's password and sign the user out everywhere."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    email = known_address("email", email, _NO_USER)
    hashed = password_hash(password, from_input=password_stdin)
    asyncio.run(_reset(settings, email, hashed))
    _say(as_json, {"email": email}, f"{email} has a new password.")


@APPLICATION.command
def remove(
    *,
    email: Email,
    revoke_keys: Annotated[
        bool | None,
        Parameter(
            negative="--keep-keys",
            help="Whether API keys that the user made stop working, or go on; needed when there are any.",
        ),
    ] = None,
    as_json: Annotated[AsJson, Parameter(name="--json")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Remove a user, sign them out everywhere, and revoke or keep the API keys they created."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    email = known_address("email", email, _NO_USER)
    revoked = asyncio.run(_remove(settings, email, revoke_keys))
    names = "".join(f"\nRevoked: {shown_key(row)}" for row in revoked)
    keys = [ids.to_text(ids.API_KEY, row.id) for row in revoked]
    _say(as_json, {"email": email, "revoked": keys}, f"{email} is removed.{names}")


@APPLICATION.command
def login_link(
    *,
    email: Email,
    url: Annotated[
        str | None, Parameter(help="The server's URL. Default: PUBLIC_URL, or the server's own address.")
    ] = None,
    as_json: Annotated[AsJson, Parameter(name="--json")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print a link that signs a user in once, within 15 minutes."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    asyncio.run(_add_link(settings, known_address("email", email, _NO_USER), token))
    base = url or settings.public_url or _own_url(settings)
    link = f"{base.rstrip('/')}/login/{token}"
    _say(as_json, {"url": link, "minutes": LINK_MINUTES}, link)


async def _create(settings: Settings, email: str, account_email: str, hashed: str, role: str) -> None:
    user = ids.make_id(time.time_ns() // 1_000_000, 0, secrets.randbits(62))
    async with (
        migrated_database(settings, progress) as database,
        database.serving.acquire() as session,
        transaction(session),
    ):
        made = await user_changes.create_user(
            session, user=user, account_email=account_email, email=email, password_hash=hashed, role=role
        )
        if not made:
            raise InvalidInput("account", NO_ACCOUNT)
        await _note(session, email, Action.USER_ADDED, {"role": (None, role)})


async def _reset(settings: Settings, email: str, hashed: str) -> None:
    async with (
        migrated_database(settings, progress) as database,
        database.serving.acquire() as session,
        transaction(session),
    ):
        if not await user_changes.update_password(session, email, hashed):
            raise InvalidInput("email", _NO_USER)
        await _note(session, email, Action.PASSWORD_CHANGED)


async def _remove(settings: Settings, email: str, revoke: bool | None) -> Sequence[KeyRow]:  # noqa: FBT001 - the option
    async with migrated_database(settings, progress) as database:
        async with database.serving.acquire() as session:
            login = await accounts.find_login(session, email)
            visitor = None if login is None else await accounts.find_visitor(session, login.id)
            if visitor is None:
                raise InvalidInput("email", _NO_USER)
            keys = await api_keys.working_of(session, visitor.account, visitor.email, datetime.now(UTC))
        if keys and revoke is None:
            raise InvalidInput("revoke-keys", f"or --keep-keys is needed: {', '.join(map(shown_key, keys))} still work")
        ending = [key.id for key in keys] if revoke else []
        context = DatabaseContext(database=database)
        return await actions.remove_user(context, operator(visitor.account), visitor.id, revoke=ending)


def shown_key(row: KeyRow) -> str:
    """Return a key as a person knows it."""
    return f"{row.name} ({row.prefix}…)"


async def _note(session: Session, email: str, action: Action, changes: Changes | None = None) -> None:
    """Write down what was done to a user."""
    user = await accounts.find_login(session, email)
    visitor = None if user is None else await accounts.find_visitor(session, user.id)
    if visitor is not None:
        await note(session, operator(visitor.account), action, visitor.email, changes)


async def _add_link(settings: Settings, email: str, token: str) -> None:
    digest = sha256(token.encode()).digest()
    async with migrated_database(settings, progress) as database, database.serving.acquire() as session:
        if not await user_changes.insert_login_link(session, email, digest, seconds=LINK_MINUTES * 60):
            raise InvalidInput("email", _NO_USER)


def _own_url(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def _say(as_json: bool, values: dict[str, object], line: str) -> None:  # noqa: FBT001 - the option itself
    print(json.dumps(values) if as_json else line)  # noqa: T201 - the command's answer
