"""Parameters of the feeds, and cursors that are bound to an account."""

import re
from hashlib import blake2b
from typing import Annotated, Final
from uuid import UUID

import msgspec

from waypost.actions.constraints import between
from waypost.actions.waiting import LONGEST_WAIT, MOST_WAITING
from waypost.api.openapi.operations import Parameter
from waypost.api.pagination import LARGEST_PAGE, PAGE_SIZE, read_number
from waypost.api.problems import FieldError
from waypost.domain.ids import LAST

_CURSOR: Final = re.compile(r"cur_[0-9a-f]{40}")
BEGINNING: Final = UUID(int=0)

WAITING_PARAMETER: Final = Parameter(
    "wait",
    f"Seconds to wait if there is nothing new: 0 by default, at most {LONGEST_WAIT}.",
    Annotated[int, between(0, LONGEST_WAIT)],
)
BUSY: Final = f"{MOST_WAITING} calls of the account are already waiting; see Retry-After."


class Asked(msgspec.Struct, frozen=True):
    """The requested part of a feed: after which id, how many items, and how long to wait for the first."""

    after: UUID
    limit: int
    wait: int


def read_asked(query: dict[str, str], account: UUID, faults: list[FieldError]) -> Asked:
    """Return the requested part of the feed; add an error for each invalid parameter."""
    limit = read_number(query, "limit", PAGE_SIZE, faults, least=1, most=LARGEST_PAGE)
    wait = read_number(query, "wait", 0, faults, least=0, most=LONGEST_WAIT)
    after: UUID | None = BEGINNING
    if "cursor" in query and (after := _position(account, query["cursor"])) is None:
        faults.append(FieldError("cursor", "must be the next_cursor of an earlier response to the same account"))
    return Asked(after or BEGINNING, limit, wait)


def cursor_of(account: UUID, after: UUID) -> str:
    """Return the cursor after an id of an account's feed."""
    return f"cur_{after.hex}{_binding(account, after)}"


def _position(account: UUID, cursor: str) -> UUID | None:
    """Return the id that a cursor continues after; None if it is not a cursor of this account."""
    if not _CURSOR.fullmatch(cursor):
        return None
    after = UUID(hex=cursor[4:-8])
    return after if after <= LAST and cursor == cursor_of(account, after) else None


def _binding(account: UUID, after: UUID) -> str:
    """Return the part of a cursor that binds it to its account; not a secret, since a position reveals nothing."""
    return blake2b(account.bytes + after.bytes, digest_size=4).hexdigest()
