"""``waypost account create``: an account, its first user and its first API key."""

import asyncio
import json
import secrets
import time
from typing import Annotated, Final
from uuid import UUID

from cyclopts import App, Parameter

from waypost.app.storage import migrated_database
from waypost.cli.options import AsJson, DatabaseUrl, DataDir, chosen, progress
from waypost.cli.passwords import Password, PasswordStdin, password_hash
from waypost.domain import ids
from waypost.domain.accounts import check_email, check_name
from waypost.domain.api_keys import RANDOM_BYTES, Scope, digest_of, make_key, shown_prefix
from waypost.settings import Settings
from waypost.store.accounts import create_account

APPLICATION: Final = App(name="account", help="Create accounts.")


@APPLICATION.command
def create(
    *,
    email: Annotated[str, Parameter(help="The account's e-mail address: it logs in, and signs versions V2 and V3.")],
    name: Annotated[str, Parameter(help="The shop's name.")],
    password: Password = None,
    password_stdin: PasswordStdin = False,
    as_json: Annotated[AsJson, Parameter(name="--json")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Create an account, its first user and its first API key, which is shown this once.

    It works while the server runs. Without --password or --password-stdin the password is asked for.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    email, name = check_email(email), check_name(name)
    hashed = password_hash(password, from_input=password_stdin)
    account, key = asyncio.run(_create(settings, email, name, hashed))
    shown = {"account_id": ids.to_text(ids.ACCOUNT, account), "email": email, "api_key": key}
    if as_json:
        print(json.dumps(shown))  # noqa: T201 - the command's answer
    else:
        print(  # noqa: T201 - the command's answer
            f"Account  {shown['account_id']}\nE-mail   {email}\nAPI key  {key}\n\nKeep the key: it is not shown again."
        )


async def _create(settings: Settings, email: str, name: str, hashed: str) -> tuple[UUID, str]:
    account = _new_id()
    key = make_key(secrets.token_bytes(RANDOM_BYTES))
    async with migrated_database(settings, progress) as database, database.serving.acquire() as session:
        await create_account(
            session,
            account=account,
            email=email,
            name=name,
            password_hash=hashed,
            user=_new_id(),
            key=_new_id(),
            key_digest=digest_of(key),
            key_prefix=shown_prefix(key),
            scopes=tuple(Scope),
        )
    return account, key


def _new_id() -> UUID:
    return ids.make_id(time.time_ns() // 1_000_000, 0, secrets.randbits(62))
