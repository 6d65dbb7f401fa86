"""Who acts. Each action receives an actor, acts for its account only, and records it in the audit log."""

from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.audit import Action, Changes
from waypost.store import audit_entries
from waypost.store.statements import Session

OPERATOR: Final = "command line"
NOBODY: Final = "not signed in"
"""The actor's name when a wrong password is entered."""


class Actor(msgspec.Struct, frozen=True):
    """The account that is acted for, the user's e-mail address or the key's prefix, and the browser's IP address."""

    account: UUID
    name: str
    address: str | None = None


def operator(account: UUID) -> Actor:
    """Return the actor of the command line."""
    return Actor(account, OPERATOR)


async def note(session: Session, actor: Actor, action: Action, subject: str, changes: Changes | None = None) -> None:
    """Append an entry to the audit log, in the transaction of the change itself."""
    await audit_entries.insert_entry(
        session,
        actor.account,
        actor=actor.name,
        address=actor.address,
        action=action,
        subject=subject,
        changes=changes or {},
    )
