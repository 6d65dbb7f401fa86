"""Fetches an account's events, page by page, and reconnects after the server was unreachable."""

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
    """An event, or None if there is none; ``cursor`` continues after it, if that is known."""

    item: Mapping[str, Any] | None
    cursor: str | None


class EventFeed:
    """The events after a position. ``trouble`` gets the reason if the server can't be reached, once per outage.

    Without a position (None) it starts at the server's current time.
    """

    def __init__(
        self, remote: Remote, begin: Mapping[str, str] | None, stop: Event, trouble: Callable[[str], None]
    ) -> None:
        self._remote = remote
        self._begin = begin
        self._stop = stop
        self._trouble = trouble

    def events(self) -> Iterator[Fetched]:
        """Yield events until it is stopped. Raise CallRefused for an invalid key or cursor, or another server."""
        wait = 0  # the first response comes at once, with a cursor after which nothing is lost
        where = self._begin or self._patiently(lambda: {"since": self._remote.clock().isoformat()})
        while where is not None:
            query = urlencode({**where, "limit": PAGE_SIZE, "wait": wait})
            page = self._patiently(partial(self._remote.get, f"/v1/events?{query}"))
            if self._stop.is_set():
                return
            if not (isinstance(page, dict) and {"items", "next_cursor"} <= page.keys()):
                raise CallRefused(HTTPStatus.OK, "The response is not a page of events: is this a Waypost server?")
            yield from _fetched(page)
            where, wait = {"cursor": page["next_cursor"]}, WAIT_SECONDS

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """Return the response, however long the server is unreachable; None if it was stopped meanwhile."""
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
