"""Accounts and their keys in PostgreSQL."""

from uuid import UUID, uuid4

import pytest

from waypost.actions import accounts, users
from waypost.actions.actor import OPERATOR, operator
from waypost.actions.context import DatabaseContext
from waypost.actions.refusals import Invalid, NotFound
from waypost.domain.api_keys import digest_of
from waypost.domain.audit import Action
from waypost.store import audit
from waypost.store.account_changes import insert_account
from waypost.store.accounts import AccountExists, KeyOwner
from waypost.store.api_key_changes import use_key
from waypost.store.database import Database

ACCOUNT = UUID(int=1)
KEY = UUID(int=3)


async def create(database: Database, email: str, *, account: UUID = ACCOUNT, key: UUID = KEY) -> None:
    async with database.serving.acquire() as session:
        await insert_account(
            session,
            account=account,
            email=email,
            name="Shop",
            password_hash="$argon2id$",
            user=uuid4(),
            key=key,
            key_digest=digest_of(str(key)),
            key_prefix="wk_live_0000",
            scopes={"read", "write"},
        )


async def find(database: Database, digest: bytes) -> KeyOwner | None:
    async with database.serving.acquire() as session:
        used = await use_key(session, digest)
    return None if used is None else used.owner


async def test_a_key_is_found_by_its_digest_with_its_account(database: Database) -> None:
    await create(database, "Shop@Example.com")

    owner = await find(database, digest_of(str(KEY)))

    assert owner == KeyOwner(ACCOUNT, "Shop@Example.com", frozenset({"read", "write"}), KEY)


async def test_an_unknown_digest_finds_no_account(database: Database) -> None:
    await create(database, "shop@example.com")

    assert await find(database, digest_of("another")) is None


@pytest.mark.parametrize("ended", ["revoked_at = now()", "expires_at = now()"])
async def test_a_revoked_or_expired_key_finds_no_account(database: Database, ended: str) -> None:
    await create(database, "shop@example.com")

    await database.serving.execute(f"update api_key set {ended}")  # noqa: S608 - from the list above

    assert await find(database, digest_of(str(KEY))) is None


async def test_an_email_taken_in_another_case_is_rejected(database: Database) -> None:
    await create(database, "shop@example.com")

    with pytest.raises(AccountExists):
        await create(database, "SHOP@example.com", account=UUID(int=2), key=UUID(int=4))

    counts = (
        "select (select count(*) from account), (select count(*) from account_user), (select count(*) from api_key)"
    )
    assert [tuple(row) for row in await database.serving.fetch(counts)] == [(1, 1, 1)]


async def test_a_password_or_login_link_is_only_for_users_of_the_actors_account(database: Database) -> None:
    context, other = DatabaseContext(database=database), UUID(int=2)
    await create(database, "shop@example.com")
    await create(database, "other@example.com", account=other, key=UUID(int=4))
    before = await database.serving.fetch("select * from account_user order by id")

    with pytest.raises(NotFound):
        await users.change_password(context, operator(other), "shop@example.com", "$argon2id$new")
    with pytest.raises(NotFound):
        await users.make_login_link(context, operator(other), "shop@example.com")

    assert await database.serving.fetch("select * from account_user order by id") == before
    assert await database.serving.fetchval("select count(*) from login_link") == 0


async def test_the_audit_log_of_an_account_begins_with_its_creation(database: Database) -> None:
    context = DatabaseContext(database=database)
    account, _ = await accounts.create(context, email="shop@example.com", name="Shop", password_hash="$argon2id$")
    with pytest.raises(Invalid):
        await accounts.create(context, email="shop@example.com", name="Twice", password_hash="$argon2id$")

    async with database.serving.acquire() as session:
        (entry,) = await audit.page(session, account, limit=10)

    assert (entry.number, entry.actor, entry.action) == (1, OPERATOR, Action.ACCOUNT_CREATED)
    assert (entry.subject, entry.changes) == ("shop@example.com", {"name": (None, "Shop")})
    assert await database.serving.fetchval("select count(*) from audit_entry") == 1
