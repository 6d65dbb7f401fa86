"""Old entries of the audit log are deleted, and the chain of the others stays verifiable."""

from datetime import UTC, datetime, timedelta

import pytest
from asyncpg import RaiseError

from tests.support.databases import add_account
from waypost.actions.actor import note, operator
from waypost.domain.audit import Action
from waypost.store import audit
from waypost.store.audit_entries import allow_audit_deletion, delete_old_entries
from waypost.store.database import Database
from waypost.store.statements import transaction

LATER = timedelta(days=1)


async def test_old_entries_are_deleted_except_the_newest_and_the_chain_stays_intact(database: Database) -> None:
    account, other = await add_account(database), await add_account(database)
    async with database.serving.acquire() as session:
        for number in range(5):
            async with transaction(session):
                await note(session, operator(account), Action.KEY_CREATED, f"key {number}")
        kept = await delete_old_entries(session, datetime.now(UTC) - LATER)

        deleted = await delete_old_entries(session, datetime.now(UTC) + LATER)
        async with transaction(session):
            await note(session, operator(account), Action.KEY_CREATED, "key 5")
            await note(session, operator(other), Action.KEY_CREATED, "first")
        again = await delete_old_entries(session, datetime.now(UTC) + LATER)

        chains = {one.email: one async for one in audit.chains(session)}
        entries = await audit.page(session, account, limit=10)

    assert (kept, deleted, again) == (0, 4, 1)
    assert [entry.subject for entry in entries] == ["key 5"]
    assert sorted((one.entries, one.broken_at) for one in chains.values()) == [(1, None), (6, None)]
    assert audit.broken_at(account, entries) is None


async def test_entries_deleted_in_another_way_are_noticed(database: Database) -> None:
    account = await add_account(database)
    async with database.serving.acquire() as session:
        for number in range(3):
            async with transaction(session):
                await note(session, operator(account), Action.KEY_CREATED, f"key {number}")

        with pytest.raises(RaiseError):
            await session.execute("delete from audit_entry where number = 1")
        async with transaction(session):
            await allow_audit_deletion(session)
            await session.execute("delete from audit_entry where number = 1")
        with pytest.raises(RaiseError):
            await session.execute("delete from audit_entry where number = 2")

        (chain,) = [one async for one in audit.chains(session, account)]

    assert chain.broken_at == 2
