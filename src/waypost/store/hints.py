"""Hints between processes that something is due. A lost hint costs a second, until the scout finds it."""

import math
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import msgspec

from waypost.store.statements import Session, execute, fetch_one, is_gone

MOST_BYTES: Final = 7_999
"""PostgreSQL accepts payloads below 8,000 bytes."""

_BY_HAND: Final = "hand"
_RECOVERED: Final = "+"
_ALL: Final = "all"
_SCOUTED: Final = "scouted"
_OWNER: Final = "for="
_DUE: Final = "~"
_OWNED: Final = re.compile(r"for=[0-9]{1,10}")
_TIMED: Final = re.compile(r"[0-9a-f]{32}~[0-9]{1,6}")


class Hint(msgspec.Struct, frozen=True):
    """Endpoints that have something due, or ``all`` of them, and whether a test or a resend waits.

    ``recovered`` are endpoints that accepted a test or a resend. ``scouted``: all lanes were looked at; what is ``due``
    for the endpoints of ``owner``, and in how many seconds, was found. An empty hint only wakes who is at rest.
    """

    endpoints: frozenset[UUID] = frozenset()
    all: bool = False
    by_hand: bool = False
    recovered: frozenset[UUID] = frozenset()
    scouted: bool = False
    owner: int | None = None
    due: dict[UUID, float] = {}

    def to_text(self) -> str:
        """Return it as text that ``of_text`` reads and PostgreSQL carries."""
        others = [
            *([_BY_HAND] if self.by_hand else []),
            *([_SCOUTED] if self.scouted else []),
            *([] if self.owner is None else [f"{_OWNER}{self.owner}"]),
            *sorted(_RECOVERED + one.hex for one in self.recovered),
            *(f"{one.hex}{_DUE}{math.ceil(round(seconds * 1000, 3))}" for one, seconds in self.due.items()),
        ]
        text = " ".join([*others, *([_ALL] if self.all else sorted(one.hex for one in self.endpoints))])
        return text if len(text) <= MOST_BYTES else " ".join([*others, _ALL])


def of_text(text: str) -> Hint:
    """Return the hint of a text; unknown words are ignored, since anyone who can connect can notify."""
    words = text.split()
    recovered = [word.removeprefix(_RECOVERED) for word in words if word.startswith(_RECOVERED)]
    return Hint(
        _endpoints(words),
        _ALL in words,
        _BY_HAND in words,
        _endpoints(recovered),
        _SCOUTED in words,
        next((int(word.removeprefix(_OWNER)) for word in words if _OWNED.fullmatch(word)), None),
        dict(_due(word) for word in words if _TIMED.fullmatch(word)),
    )


async def tell(session: Session, hint: Hint) -> None:
    """Notify every process that listens."""
    await execute(session, "notify", hint.to_text())


@asynccontextmanager
async def listening(session: Session, heard: Callable[[Hint], None]) -> AsyncIterator[None]:
    """Pass on every hint that arrives, as long as the session is kept."""

    def take(_session: Session, _pid: int, _channel: str, payload: object) -> None:
        heard(of_text(str(payload)))

    row = await fetch_one(session, "channel")
    channel = "" if row is None else row["name"]
    await session.add_listener(channel, take)
    try:
        yield
    finally:
        if not is_gone(session):
            await session.remove_listener(channel, take)


def _endpoints(words: Iterable[str]) -> frozenset[UUID]:
    return frozenset(one for word in words if (one := _endpoint(word)) is not None)


def _due(word: str) -> tuple[UUID, float]:
    endpoint, _, milliseconds = word.partition(_DUE)
    return UUID(hex=endpoint), int(milliseconds) / 1000


def _endpoint(word: str) -> UUID | None:
    try:
        return UUID(hex=word)
    except ValueError:
        return None
