"""Who acts in this request, for the audit log.

Known at the door, by a session or a key, and written where something is done; none of the functions between them has
use for it, so it travels beside them as a context variable.
"""

from contextvars import ContextVar
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.audit import Action, Changes
from waypost.store import audit
from waypost.store.statements import Session


class Actor(msgspec.Struct, frozen=True):
    """Who acts: a user's e-mail address or a key's beginning, and the address a browser is at."""

    name: str
    address: str | None = None


OPERATOR: Final = Actor("command line")
NOBODY: Final = "not signed in"
"""The name of who gives a wrong password."""

_ACTOR: Final = ContextVar("actor", default=OPERATOR)


def act_as(name: str, address: str | None = None) -> None:
    """Say who acts in the rest of this request."""
    _ACTOR.set(Actor(name, address))


def acting() -> str:
    """Return the name of who acts."""
    return _ACTOR.get().name


async def note(session: Session, account: UUID, action: Action, subject: str, changes: Changes | None = None) -> None:
    """Write down what is done, in the transaction that does it."""
    actor = _ACTOR.get()
    await audit.append(
        session,
        account,
        actor=actor.name,
        address=actor.address,
        action=action,
        subject=subject,
        changes=changes or {},
    )
