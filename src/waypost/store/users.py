"""An account's settings and users, read. ``account_changes`` and ``user_changes`` write them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.store.statements import Session, fetch, fetch_one

MOST_USERS: Final = 100


class AccountSettings(msgspec.Struct, frozen=True):
    """The settings in the row of an account, which its owners choose.

    ``accent`` None is the default colour; ``embed_origins`` may frame track pages.
    """

    email: str
    name: str
    accent: str | None
    embed_origins: list[str]


class UserRow(msgspec.Struct, frozen=True):
    """The row of a person who may log in; ``role`` is ``owner`` or ``member``."""

    id: UUID
    email: str
    role: str
    created_at: datetime


async def settings(session: Session, account: UUID) -> AccountSettings:
    """Return the settings in the row of an account."""
    row = await fetch_one(session, "account_settings", account)
    assert row is not None  # noqa: S101 - accounts are never deleted
    return AccountSettings(**row)


async def of_account(session: Session, account: UUID) -> Sequence[UserRow]:
    """Return the rows of an account's users, in the order in which they were added."""
    return [UserRow(**row) for row in await fetch(session, "users", account, MOST_USERS)]
