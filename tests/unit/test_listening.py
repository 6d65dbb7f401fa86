"""The parts of ``waypost listen``: forwarding, position, output, keys."""

import io
import json
import os
import pty
import signal
import stat
from contextlib import nullcontext
from pathlib import Path
from queue import Queue
from threading import Event
from typing import Any

import pytest
from hypothesis import given

from tests.support.states import states
from tests.support.webhooks import EMAIL, EVENT, NOW, SECRET
from waypost import payloads
from waypost.cli.listen import _undisturbed
from waypost.cli.listening import position
from waypost.cli.listening.feed import EventFeed, Fetched
from waypost.cli.listening.forward import Forwarded
from waypost.cli.listening.keyboard import keys_heard
from waypost.cli.listening.position import Position
from waypost.cli.listening.rendering import state_of, webhook
from waypost.cli.listening.screen import ForPeople, ForPrograms
from waypost.cli.remote import CallRefused, NotReached, Remote, read_url
from waypost.domain.endpoints import Version
from waypost.domain.errors import InvalidInput
from waypost.domain.statuses import Status
from waypost.domain.trackings import TrackingState
from waypost.payloads import v4
from waypost.payloads.ascii_json import encode
from waypost.payloads.samples import sample_state
from waypost.receiver import verify, verify_v2, verify_v3


def item(status: Status = Status.TRANSIT, **changes: Any) -> dict[str, Any]:
    """Return an event as the feed shows it."""
    state = sample_state(status)
    data = json.loads(encode(v4.tracking_object(state)))
    about = {"tracking_number": state.tracking_number, "courier_code": "usps", "status": status.value}
    return {"id": EVENT, "sequence": 3, "data": data, **about, **changes}


@given(states())
def test_the_forwarded_body_equals_the_deliverys_bytes_in_every_version(state: TrackingState) -> None:
    shown = state_of(json.loads(encode(v4.tracking_object(state))))

    assert [payloads.render(version, shown) for version in Version] == [
        payloads.render(version, state) for version in Version
    ]


@pytest.mark.parametrize(
    ("version", "check", "key"),
    [(Version.V4, verify, SECRET), (Version.V3, verify_v3, EMAIL), (Version.V2, verify_v2, EMAIL)],
)
def test_forwarded_webhooks_carry_both_signatures_of_their_version(version: Version, check: Any, key: str) -> None:
    body, headers = webhook(version, item(), secret=SECRET, email=EMAIL, attempt=2, now=NOW)

    assert dict(headers)["waypost-attempt"] == "2"
    assert ("timestamp" in dict(headers)) == (version is Version.V4)
    event = verify(body, headers, SECRET, now=NOW)
    assert (event.version, event.id, event.sequence) == (version, EVENT, 3)
    assert check(body, headers, key, now=NOW) == event


def test_the_saved_position_is_restored_and_private(tmp_path: Path) -> None:
    file = tmp_path / "new" / "state.json"
    position.save(file, Position("cur_1", "whsec_1"))
    position.save(file, Position("cur_2", "whsec_1"))

    assert position.load(file) == Position("cur_2", "whsec_1")
    assert position.load(tmp_path / "none.json") == Position()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cursor":', "nothing of ours"])
def test_a_foreign_state_file_is_rejected_and_not_changed(tmp_path: Path, text: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(text)

    with pytest.raises(InvalidInput, match=r"state.json is not a state file"):
        position.load(file)

    assert file.read_text() == text


def test_each_server_and_key_has_its_own_position(tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    pairs = [("http://a", "k1"), ("http://a", "k2"), ("http://b", "k1")]

    files = {position.position_file(environment, url, key) for url, key in pairs}

    assert len(files) == 3
    assert {file.parent for file in files} == {tmp_path / "waypost"}
    assert not any("k1" in file.name for file in files)


def test_a_line_shows_event_and_response_without_terminal_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = item(tracking_number="A1\x1b[2J\u202e", data={"latest_event": "Left \x07 hub, BONN"})

    ForPeople().event(hostile, 2, Forwarded(500, 12))
    ForPeople().event(hostile, 1, Forwarded(None, 3, "reset"))

    shown = capsys.readouterr().out
    assert "A1\ufffd[2J\ufffd #3  transit  Left \ufffd hub  \u2192  500 in 12 ms (attempt 2)\n" in shown
    assert "no answer: reset in 3 ms" in shown
    assert "\x1b" not in shown


def test_json_output_is_one_line_per_event_and_response(capsys: pytest.CaptureFixture[str]) -> None:
    ForPrograms().event(item(), 1, Forwarded(200, 12))
    ForPrograms().event(item(), 1, None)
    ForPrograms().note("for people")

    told = capsys.readouterr()
    first, second = map(json.loads, told.out.splitlines())
    assert first == {"event": item(), "attempt": 1, "answer": {"status_code": 200, "duration_ms": 12, "error": None}}
    assert second["answer"] is None
    assert told.err == "for people\n"


def test_terminal_keys_work_without_enter_and_the_terminal_is_restored() -> None:
    import termios  # noqa: PLC0415 - as in the module

    ours, theirs = pty.openpty()
    heard: Queue[str] = Queue()
    with os.fdopen(theirs, "r") as keyboard:
        before = termios.tcgetattr(keyboard)
        with keys_heard(heard.put, keyboard) as has_keys:
            os.write(ours, b"r")
            assert has_keys
            assert heard.get(timeout=20) == "r"
        assert termios.tcgetattr(keyboard) == before
    os.close(ours)


def test_without_a_terminal_keys_are_ignored() -> None:
    with keys_heard(pytest.fail, io.StringIO("r")) as has_keys:
        assert not has_keys


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:3000", "ftp://127.0.0.1/", "http://", "http://a@b/", "http://a:0/", "http://a:x/", "http://a/b c"],
)
def test_an_invalid_forward_url_is_rejected_with_its_field(url: str) -> None:
    with pytest.raises(InvalidInput, match="forward: "):
        read_url("forward", url)


@pytest.mark.parametrize("key", [None, "", "k\r\nx: y", "k\u00e9y"])
def test_an_invalid_key_is_rejected_before_any_request(key: str | None) -> None:
    with pytest.raises(InvalidInput, match="key: "):
        Remote("http://127.0.0.1:1", key)


class Server(Remote):
    """A server that gives the test's responses, one after the other."""

    def __init__(self, *answers: Any) -> None:
        super().__init__("http://127.0.0.1:1", "a-key")
        self.answers = list(answers)
        self.asked: list[str] = []

    def get(self, path: str) -> Any:
        self.asked.append(path)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Unhurried(Event):
    """A pause that ends at once."""

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        return self.is_set()


@pytest.mark.parametrize("answer", [[], {}, {"items": []}, None, "ok"])
def test_a_server_that_is_not_waypost_is_reported(answer: Any) -> None:
    feed = EventFeed(Server(answer), {"cursor": "c0"}, Unhurried(), pytest.fail)

    with pytest.raises(CallRefused, match="is this a Waypost"):
        next(feed.events())


def test_pages_are_fetched_in_order_and_an_outage_is_reported_once() -> None:
    pages = ({"items": [{"id": 1}, {"id": 2}], "next_cursor": "c1"}, {"items": [], "next_cursor": "c1"})
    server = Server(pages[0], NotReached("Gone."), NotReached("Gone."), pages[1], CallRefused(401, "no key"))
    told: list[str] = []
    fetched: list[Fetched] = []

    with pytest.raises(CallRefused):
        fetched.extend(iter(EventFeed(server, {"cursor": "c0"}, Unhurried(), told.append).events()))
    server.answers = [pages[0], pages[1]]
    events = EventFeed(server, {"cursor": "c0"}, Unhurried(), told.append).events()

    assert [next(events) for _ in range(3)] == [
        Fetched({"id": 1}, None),
        Fetched({"id": 2}, "c1"),
        Fetched(None, "c1"),
    ]
    assert told == ["Gone. It is tried again until it does; nothing is lost."]
    assert [path.partition("?")[2] for path in server.asked[:2]] == [
        "cursor=c0&limit=50&wait=0",
        "cursor=c1&limit=50&wait=30",
    ]


@pytest.mark.parametrize("ignored", [False, True])
def test_ctrl_c_waits_for_protected_work_and_stays_ignored_in_background_jobs(*, ignored: bool) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler)
    went_on = False
    try:
        with nullcontext() if ignored else pytest.raises(KeyboardInterrupt), _undisturbed():
            signal.raise_signal(signal.SIGINT)
            went_on = True
    finally:
        signal.signal(signal.SIGINT, before)

    assert went_on
