"""Prints each event: a line for people, or a line of JSON for programs."""

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from waypost.cli.listening.forward import Forwarded
from waypost.cli.terminal import printable


class Screen(Protocol):
    """Where events and messages are printed."""

    def event(self, item: Mapping[str, Any], attempt: int, answer: Forwarded | None) -> None:
        """Print an event and the local program's response; None if it was not forwarded."""

    def note(self, line: str) -> None:
        """Print a message."""


class ForPeople:
    """Prints a line for each event, with this machine's time."""

    def event(self, item: Mapping[str, Any], attempt: int, answer: Forwarded | None) -> None:
        """Print an event; see ``Screen``."""
        said = (item["data"].get("latest_event") or "").partition(",")[0]
        about = f"{item['tracking_number']} #{item['sequence']}  {item['status']}  {said}"
        again = f" (attempt {attempt})" if attempt > 1 else ""
        came = "" if answer is None else f"  →  {_words(answer)}{again}"
        print(f"{_now()}  {printable(about.rstrip() + came)}", flush=True)  # noqa: T201 - the command's answer

    def note(self, line: str) -> None:
        """Print a message."""
        print(f"{_now()}  {printable(line)}", file=sys.stderr, flush=True)  # noqa: T201 - messages for people


class ForPrograms:
    """Prints a line of JSON for each event: the event as in the feed, and the response."""

    def event(self, item: Mapping[str, Any], attempt: int, answer: Forwarded | None) -> None:
        """Print an event; see ``Screen``."""
        came = None
        if answer is not None:
            came = {"status_code": answer.status, "duration_ms": answer.milliseconds, "error": answer.error}
        print(json.dumps({"event": item, "attempt": attempt, "answer": came}), flush=True)  # noqa: T201 - the answer

    def note(self, line: str) -> None:
        """Print a message on standard error, which programs ignore."""
        print(printable(line), file=sys.stderr, flush=True)  # noqa: T201 - messages for people


def _words(answer: Forwarded) -> str:
    return f"{answer.status or f'no answer: {answer.error}'} in {answer.milliseconds} ms"


def _now() -> str:
    return datetime.now().astimezone().strftime("%H:%M:%S")
