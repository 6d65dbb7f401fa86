"""``waypost listen``: forward an account's events to a program that webhooks can't reach, such as one on a laptop."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from queue import Full, Queue
from threading import Event, Thread
from typing import Annotated, Any, Final
from urllib.parse import SplitResult

from cyclopts import Parameter

from waypost.cli.listening import position
from waypost.cli.listening.feed import EventFeed, Fetched
from waypost.cli.listening.forward import Forwarded, Forwarder
from waypost.cli.listening.keyboard import keys_heard
from waypost.cli.listening.position import Position
from waypost.cli.listening.screen import ForPeople, ForPrograms, Screen
from waypost.cli.options import AsJson
from waypost.cli.remote import DEFAULT_URL, CallRefused, Key, NotReached, Remote, Url, read_url
from waypost.domain.endpoints import Version
from waypost.domain.errors import InvalidInput
from waypost.domain.statuses import Status
from waypost.domain.times import read_rfc3339
from waypost.payloads import SIGNED_INSIDE
from waypost.signing.errors import InvalidSecret
from waypost.signing.standard import KEY_BYTES, check_secret, make_secret

_ANSWER_SECONDS: Final = 60
_READ_AHEAD: Final = 100
_RESEND: Final = "r"
_BEGINNING: Final = "1970-01-01T00:00:00Z"
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 10.0

_Heard = Fetched | CallRefused | str
"""What the listener handles: an event, the server's refusal, or a key press."""

Forward = Annotated[
    str | None, Parameter(help="The URL that events are posted to, such as http://127.0.0.1:3000/hook.")
]
Since = Annotated[
    str | None,
    Parameter(
        help="Where to start: now, beginning, or a time. Default: where the last run stopped, or now on the first run."
    ),
]
Secret = Annotated[
    str | None,
    Parameter(help="The secret that signs events. Default: that of the last run, or a generated one, which is shown."),
]
State = Annotated[
    Path | None, Parameter(help="The file that stores the position. Default: one for each server and key.")
]
As = Annotated[Version, Parameter(name="--as", help="The version of the posted webhooks.")]
Email = Annotated[
    str, Parameter(show_default=False, help="The account's e-mail address, the key of V2 and V3 signatures.")
]
Statuses = Annotated[
    tuple[Status, ...],
    Parameter(negative="", show_default=False, help="Only events with this status. Default: all."),
]


def listen(
    *,
    forward: Forward = None,
    status: Statuses = (),
    since: Since = None,
    as_version: As = Version.V4,
    email: Email = "",
    secret: Secret = None,
    state: State = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> int:
    """Show an account's events as they arrive, and forward them to a local program, until Ctrl-C.

    Any response of the program counts; if it can't be reached, the command waits for it.
    """
    remote = Remote(url, key, timeout_seconds=_ANSWER_SECONDS)
    where = None if forward is None else read_url("forward", forward)
    screen: Screen = ForPrograms() if as_json else ForPeople()
    file = state or position.position_file(os.environ, url, key or "")
    known = _with_secret(position.load(file), secret)
    forwarder = None
    if where is not None:
        forwarder = _forwarder(where, as_version, known, email)
        if secret is None:
            screen.note(f"Signed with {known.secret}")
    listener = Listener(screen, forwarder, frozenset(status), file, known)
    try:
        listener.run(remote, _begin(known, since))
    except KeyboardInterrupt:
        return 0
    except CallRefused as error:
        hint = "; start over with --since now" if error.status == 422 else ""  # noqa: PLR2004 - the cursor is another's
        raise InvalidInput("server", f"{error}{hint}") from None
    return 0


class Listener:
    """Handles one thing at a time: a fetched event or a key press."""

    def __init__(
        self,
        screen: Screen,
        forwarder: Forwarder | None,
        statuses: frozenset[str],
        file: Path,
        known: Position,
    ) -> None:
        self._screen = screen
        self._forwarder = forwarder
        self._statuses = statuses
        self._file = file
        self._known = known
        self._heard: Queue[_Heard] = Queue(_READ_AHEAD)
        self._stop = Event()
        self._last: Mapping[str, Any] | None = None
        self._attempt = 1

    def run(self, remote: Remote, begin: Mapping[str, str] | None) -> None:
        """Listen until Ctrl-C. Raise Refused."""
        feed = EventFeed(remote, begin, self._stop, self._screen.note)
        Thread(target=self._fetch, args=(feed,), daemon=True).start()
        try:
            with keys_heard(self._press) as has_keys:
                if has_keys and self._forwarder is not None:
                    self._screen.note("Press r to resend the last event, Ctrl-C to quit.")
                for what in self._everything():
                    self._handle(what)
        finally:
            self._stop.set()

    def _everything(self) -> Iterator[_Heard]:
        while True:
            yield self._heard.get()

    def _press(self, key: str) -> None:
        """Queue a key press, or drop it if too much is waiting."""
        with suppress(Full):
            self._heard.put_nowait(key)

    def _fetch(self, feed: EventFeed) -> None:
        try:
            for fetched in feed.events():
                self._heard.put(fetched)
        except CallRefused as error:
            self._heard.put(error)

    def _handle(self, what: _Heard) -> None:
        match what:
            case CallRefused():
                raise what
            case str():
                if what == _RESEND and self._last is not None:
                    self._attempt += 1
                    self._screen.event(self._last, self._attempt, self._forward(self._last))
            case Fetched(item=item, cursor=cursor):
                self._take(item, cursor)

    def _take(self, item: Mapping[str, Any] | None, cursor: str | None) -> None:
        if item is not None and self._statuses and item["status"] not in self._statuses:
            item = None
        if item is not None:
            self._last, self._attempt = item, 1
            answer = self._forward(item)
        with _undisturbed():  # an event that was printed is not fetched again
            if item is not None:
                self._screen.event(item, self._attempt, answer)
            if cursor is not None and cursor != self._known.cursor:
                self._known = replace(self._known, cursor=cursor)
                position.save(self._file, self._known)

    def _forward(self, item: Mapping[str, Any]) -> Forwarded | None:
        """Post an event, waiting until the program listens. Return None if nothing is forwarded."""
        if self._forwarder is None:
            return None
        pause, told = _FIRST_PAUSE_SECONDS, False
        while True:
            try:
                return self._forwarder.post(item, self._attempt)
            except NotReached as error:
                if not told:
                    self._screen.note(f"{error}. Waiting for it; nothing is lost.")
                told = True
            self._stop.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _forwarder(where: SplitResult, as_version: Version, known: Position, email: str) -> Forwarder:
    if as_version in SIGNED_INSIDE and not email:
        raise InvalidInput("email", f"is required: it is the key of {as_version} signatures")
    user_agent = f"Waypost/{version('waypost')} (listen)"
    return Forwarder(where, as_version, secret=known.secret or "", email=email, user_agent=user_agent)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Delay Ctrl-C until the block has ended."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed and before is not signal.SIG_IGN:  # ignored in the background of a shell
        raise KeyboardInterrupt


def _with_secret(known: Position, given: str | None) -> Position:
    """Return the position with the secret to use: the given, the saved, or a new one."""
    if given is not None:
        try:
            check_secret(given)
        except InvalidSecret as error:
            raise InvalidInput("secret", str(error)) from None
    return replace(known, secret=given or known.secret or make_secret(os.urandom(KEY_BYTES)))


def _begin(known: Position, since: str | None) -> dict[str, str] | None:
    """Return the parameters of the first page; None to start at the server's current time."""
    match since:
        case None if known.cursor is not None:
            return {"cursor": known.cursor}
        case None | "now":
            return None
        case "beginning":
            return {"since": _BEGINNING}
        case _:
            at = read_rfc3339(since)
            if at is None:
                raise InvalidInput("since", "must be now, beginning, or a time such as 2026-03-04T13:20:00Z")
            return {"since": at.isoformat()}
