"""``waypost account create``: an account, its first user and its first API key."""

import asyncio
import json
import secrets
import sys
import time
from getpass import getpass
from typing import Annotated, Final
from uuid import UUID

from argon2 import PasswordHasher
from cyclopts import App, Parameter

from waypost.app.storage import migrated_database
from waypost.cli.options import AsJson, DatabaseUrl, DataDir, chosen, progress
from waypost.domain import ids
from waypost.domain.accounts import check_email, check_name, check_password
from waypost.domain.api_keys import RANDOM_BYTES, digest_of, make_key, shown_prefix
from waypost.domain.errors import InvalidInput
from waypost.settings import Settings
from waypost.store.accounts import create_account

SCOPES: Final = ("read", "write", "updates")
APPLICATION: Final = App(name="account", help="Create accounts.")


@APPLICATION.command
def create(
    *,
    email: Annotated[str, Parameter(help="The account's e-mail address: it logs in, and signs versions V2 and V3.")],
    name: Annotated[str, Parameter(help="The shop's name.")],
    password: Annotated[
        str | None,
        Parameter(help="The password to log in with; other users of this machine may see it in its list of processes."),
    ] = None,
    password_stdin: Annotated[
        bool, Parameter(negative="", help="Read the password from standard input: its first line.")
    ] = False,
    as_json: Annotated[AsJson, Parameter(name="--json")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Create an account, its first user and its first API key, which is shown this once.

    It works while the server runs. Without --password or --password-stdin the password is asked for.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    email, name = check_email(email), check_name(name)
    password = check_password(_password(password, from_input=password_stdin))
    account, key = asyncio.run(_create(settings, email, name, PasswordHasher().hash(password)))
    shown = {"account_id": ids.to_text(ids.ACCOUNT, account), "email": email, "api_key": key}
    if as_json:
        print(json.dumps(shown))  # noqa: T201 - the command's answer
    else:
        print(  # noqa: T201 - the command's answer
            f"Account  {shown['account_id']}\nE-mail   {email}\nAPI key  {key}\n\nKeep the key: it is not shown again."
        )


async def _create(settings: Settings, email: str, name: str, password_hash: str) -> tuple[UUID, str]:
    account = _new_id()
    key = make_key(secrets.token_bytes(RANDOM_BYTES))
    async with migrated_database(settings, progress) as database, database.serving.acquire() as session:
        await create_account(
            session,
            account=account,
            email=email,
            name=name,
            password_hash=password_hash,
            user=_new_id(),
            key=_new_id(),
            key_digest=digest_of(key),
            key_prefix=shown_prefix(key),
            scopes=SCOPES,
        )
    return account, key


def _new_id() -> UUID:
    return ids.make_id(time.time_ns() // 1_000_000, 0, secrets.randbits(62))


def _password(given: str | None, *, from_input: bool) -> str:
    match given, from_input:
        case str(), True:
            raise InvalidInput("password", "is given twice: use --password or --password-stdin")
        case str(), False:
            return given
        case None, True:
            return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InvalidInput("password", "is missing: give --password-stdin, or run this at a terminal")
    typed = getpass("Password: ")
    if getpass("Again: ") != typed:
        raise InvalidInput("password", "was typed differently the second time")
    return typed
