"""Repeated log lines are counted instead of written."""

from typing import Any

import pytest
import structlog

from waypost.observe.repeats import LINES, MOST_KINDS, WINDOW_SECONDS, Repeats


class Log:
    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.repeats = Repeats(lambda level, event: self.told.append((level, dict(event))), now=lambda: self.now)

    def passes(self, event: str, method: str = "info", **fields: object) -> bool:
        try:
            self.repeats(None, method, {"event": event, **fields})
        except structlog.DropEvent:
            return False
        return True


def test_an_outage_of_one_receiver_logs_a_few_lines_and_a_count() -> None:
    log = Log()

    passed = sum(log.passes("attempt_failed", endpoint="ep_1", outcome="reset", delivery=n) for n in range(10_000))
    other = log.passes("attempt_failed", endpoint="ep_2", outcome="reset")
    log.now = WINDOW_SECONDS
    after = log.passes("server_stopping")

    assert (passed, other, after) == (LINES, True, True)
    assert log.told == [
        ("info", {"event": "attempt_failed", "endpoint": "ep_1", "outcome": "reset", "repeated": 10_000 - LINES})
    ]


def test_omitted_lines_are_counted_when_the_process_exits() -> None:
    log = Log()
    for _ in range(LINES + 1):
        log.passes("part_failed", "exception", part="poller")

    log.repeats.end_window()
    log.repeats.end_window()

    assert log.told == [("error", {"event": "part_failed", "part": "poller", "repeated": 1})]


def test_an_attacker_with_changing_addresses_fills_neither_memory_nor_disk() -> None:
    log = Log()

    passed = sum(log.passes("access_denied", address=f"2001:db8::{n:x}") for n in range(5 * MOST_KINDS))
    log.repeats.end_window()

    assert passed == MOST_KINDS + LINES
    assert log.told == [("info", {"event": "access_denied", "repeated": 4 * MOST_KINDS - LINES})]


@pytest.mark.parametrize(("method", "fields"), [("debug", {}), ("info", {"repeated": 3})])
def test_debug_lines_and_counted_lines_are_never_omitted(method: str, fields: dict[str, object]) -> None:
    log = Log()

    assert all(log.passes("request_answered", method, **fields) for _ in range(3 * LINES))
