"""Who acts: each action is told, does it for this account only, and writes in the audit log who did it."""

from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.audit import Action, Changes
from waypost.store import audit
from waypost.store.statements import Session

OPERATOR: Final = "command line"
NOBODY: Final = "not signed in"
"""The name of who gives a wrong password."""


class Actor(msgspec.Struct, frozen=True):
    """Whom somebody acts for, and who: a user's e-mail address or a key's beginning, and the address of a browser."""

    account: UUID
    name: str
    address: str | None = None


def operator(account: UUID) -> Actor:
    """Return who acts by the command line."""
    return Actor(account, OPERATOR)


async def note(session: Session, actor: Actor, action: Action, subject: str, changes: Changes | None = None) -> None:
    """Write down what is done, in the transaction that does it."""
    await audit.append(
        session,
        actor.account,
        actor=actor.name,
        address=actor.address,
        action=action,
        subject=subject,
        changes=changes or {},
    )
