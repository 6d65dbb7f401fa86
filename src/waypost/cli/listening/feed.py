"""Fetches an account's events, one page after the other, and comes back by itself when the server was away."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from threading import Event
from typing import Any, Final
from urllib.parse import urlencode

from waypost.cli.remote import CallRefused, NotReached, Remote

WAIT_SECONDS: Final = 30
PAGE_SIZE: Final = 50
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """An event, or None for none; ``cursor`` goes on behind all that came before, where that is known."""

    item: Mapping[str, Any] | None
    cursor: str | None


class EventFeed:
    """The events behind a position; ``trouble`` hears why the server is not reached, once for each time.

    Without a position (None) it begins at the server's present time.
    """

    def __init__(
        self, remote: Remote, begin: Mapping[str, str] | None, stop: Event, trouble: Callable[[str], None]
    ) -> None:
        self._remote = remote
        self._begin = begin
        self._stop = stop
        self._trouble = trouble

    def events(self) -> Iterator[Fetched]:
        """Give events until it is stopped. Raises Refused: the key or the cursor is none, or the server is another."""
        wait = 0  # the first answer comes at once: from then on there is a cursor that nothing is lost behind
        where = self._begin or self._patiently(lambda: {"since": self._remote.clock().isoformat()})
        while where is not None:
            query = urlencode({**where, "limit": PAGE_SIZE, "wait": wait})
            page = self._patiently(partial(self._remote.get, f"/v1/events?{query}"))
            if self._stop.is_set():
                return
            if not (isinstance(page, dict) and {"items", "next_cursor"} <= page.keys()):
                raise CallRefused(HTTPStatus.OK, "It answers with no page of events: is it a Waypost?")
            yield from _fetched(page)
            where, wait = {"cursor": page["next_cursor"]}, WAIT_SECONDS

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """Give what is answered, however long the server is away; None when it was stopped meanwhile."""
        pause, told = FIRST_PAUSE_SECONDS, False
        while not self._stop.is_set():
            try:
                return ask()
            except NotReached as error:
                if not told:
                    self._trouble(f"{error} It is tried again until it does; nothing is lost.")
                told = True
            self._stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        return None


def _fetched(page: Mapping[str, Any]) -> Iterator[Fetched]:
    *before, last = page["items"] or [None]
    for item in before:
        yield Fetched(item, None)
    yield Fetched(last, page["next_cursor"])
