"""Counts round trips to PostgreSQL on the wire: each time that a client waits for the server."""

import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.proxy import in_front_of, through
from waypost.store.database import Access, Database
from waypost.store.statements import TEXTS

_NAMES = {text: name for name, text in TEXTS.items()}
_COPY = re.compile(r"COPY (?:\w+\.)?\"?(\w+)", re.IGNORECASE)
_LENGTH = struct.Struct("!I")


class Wire:
    """What one client sends, read as messages of PostgreSQL's protocol; each round trip's name goes to ``trips``."""

    def __init__(self, trips: list[str]) -> None:
        self._trips = trips
        self._sent = b""
        self._begun = False
        self._prepared: dict[bytes, str] = {}
        self._asked = ""

    def hear(self, data: bytes) -> None:
        self._sent += data
        while message := self._next():
            self._read(*message)

    def _next(self) -> tuple[bytes, bytes] | None:
        """Return the next complete message, its kind and its content; the first one has no kind."""
        start = 1 if self._begun else 0
        if len(self._sent) < start + 4:
            return None
        end = start + _LENGTH.unpack_from(self._sent, start)[0]
        if len(self._sent) < end:
            return None
        kind, content = self._sent[:start], self._sent[start + 4 : end]
        self._sent, self._begun = self._sent[end:], True
        return kind, content

    def _read(self, kind: bytes, content: bytes) -> None:
        first, _, rest = content.partition(b"\0")
        match kind:
            case b"P":
                self._prepared[first] = self._asked = _name(rest.partition(b"\0")[0])
            case b"B":
                self._asked = self._prepared.get(rest.partition(b"\0")[0], "?")
            case b"Q":
                self._asked = _name(first)
                self._trips.append(self._asked)
            case b"c":
                self._trips.append(f"{self._asked} ends")
            case b"S" | b"H":
                self._trips.append(self._asked)


def _name(text: bytes) -> str:
    """Return the name of a statement, or how it begins."""
    statement = text.decode()
    if copied := _COPY.match(statement):
        return f"copy_{copied[1]}"
    return _NAMES.get(statement) or statement.split(maxsplit=1)[0].rstrip(";").lower()


@asynccontextmanager
async def counted(dsn: str) -> AsyncIterator[tuple[Database, list[str]]]:
    """Open a database through a port on which round trips are counted; yield it with their names, in order."""
    trips: list[str] = []
    async with in_front_of(dsn) as proxy:
        proxy.listen = lambda: Wire(trips).hear
        database = await Database.open(Access(through(dsn, proxy.port), engine_size=4, serving_size=2))
        try:
            yield database, trips
        finally:
            await database.close()
