"""Whom an e-mail address, a session or an API key belongs to."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.store.statements import Session, fetch, fetch_one

_PAGE: Final = 500


class AccountExists(Exception):
    """Another account or user has this e-mail address, regardless of case; nothing was changed."""


class KeyOwner(msgspec.Struct, frozen=True):
    """Whom a key acts for, and what it may do. ``email`` is the account's, as typed: it signs V2 and V3."""

    account: UUID
    email: str
    scopes: frozenset[str]
    key: UUID


class Login(msgspec.Struct, frozen=True):
    """What a login is checked against. A session stays valid while ``sessions_from`` (Unix seconds) is the same."""

    id: UUID
    password_hash: str
    sessions_from: float


class Visitor(msgspec.Struct, frozen=True):
    """Who is logged in, and to which account. Sessions from before ``sessions_from`` (Unix seconds) are invalid.

    ``time_zone`` is the name of the zone in which pages show times: ``own_time_zone``, or the account's if it is None.
    """

    id: UUID
    email: str
    role: str
    sessions_from: float
    account: UUID
    account_name: str
    account_email: str
    time_zone: str
    own_time_zone: str | None


class AccountRow(msgspec.Struct, frozen=True):
    """An account as the operator sees it: how many users and working API keys it has."""

    id: UUID
    email: str
    name: str
    created_at: datetime
    users: int
    keys: int


class AnyUserRow(msgspec.Struct, frozen=True):
    """A user of any account; ``role`` is ``owner`` or ``member``."""

    id: UUID
    email: str
    role: str
    created_at: datetime
    account_email: str


async def all_accounts(session: Session) -> AsyncIterator[AccountRow]:
    """Yield every account of the installation, oldest first, in pages."""
    after = None
    while rows := await fetch(session, "all_accounts", after, _PAGE):
        for row in rows:
            yield AccountRow(**row)
        after = rows[-1]["id"]


async def all_users(session: Session) -> AsyncIterator[AnyUserRow]:
    """Yield every user of the installation, oldest first, in pages."""
    after = None
    while rows := await fetch(session, "all_users", after, _PAGE):
        for row in rows:
            yield AnyUserRow(**row)
        after = rows[-1]["id"]


async def find_account(session: Session, email: str) -> UUID | None:
    """Return the id in the row of the account with an e-mail address, regardless of case."""
    row = await fetch_one(session, "account_by_email", email)
    return None if row is None else row["id"]


async def find_login(session: Session, email: str) -> Login | None:
    """Return the row of the user with an e-mail address, regardless of case."""
    row = await fetch_one(session, "user_by_email", email)
    return None if row is None else Login(**row)


async def find_visitor(session: Session, user: UUID) -> Visitor | None:
    """Return the rows of a user and the account, joined; None if the user no longer exists."""
    row = await fetch_one(session, "visitor", user)
    return None if row is None else Visitor(**row)


async def has_accounts(session: Session) -> bool:
    """Return whether there is a row of any account yet."""
    row = await fetch_one(session, "any_account")
    return bool(row and row["found"])


class AccountContents(msgspec.Struct, frozen=True):
    """How many rows an account has of what people know."""

    users: int
    api_keys: int
    endpoints: int
    connections: int
    alert_channels: int
    parcels: int


async def account_contents(session: Session, account: UUID) -> AccountContents:
    """Return what would be lost with an account."""
    row = await fetch_one(session, "account_contents", account, list(range(ids.BUCKETS)))
    assert row is not None  # noqa: S101 - counts give a row
    return AccountContents(**row)
