"""Watches Waypost and the shop: prints each delivery that settles, until all planned events have arrived."""

import time
from collections.abc import Collection, Iterator
from typing import Any, Final, NoReturn

import msgspec

from examples.demo.children import Children
from examples.demo.failures import Unreachable
from examples.demo.screen import Screen
from examples.demo.signals import Signals
from examples.demo.stage import Stage
from examples.demo.verdict import Arrival, Delivery, Verdict, judge

_UNSETTLED: Final = frozenset({"waiting", "retrying", "blocked"})
_EVERY_SECONDS: Final = 0.25


class Watch:
    """Remembers which deliveries were printed."""

    def __init__(self, stage: Stage, children: Children, signals: Signals, screen: Screen) -> None:
        self._stage = stage
        self._children = children
        self._signals = signals
        self._screen = screen
        self._begun = time.monotonic()
        self._shown: set[str] = set()

    def until_all_arrived(self, limit_seconds: float) -> Verdict:
        """Watch until nothing is missing, or the time is over: then the verdict says what is missing."""
        while True:
            verdict = self._look()
            over = time.monotonic() - self._begun > limit_seconds
            if verdict is not None and (over or not verdict.missing):
                return verdict
            if over:
                return Verdict(
                    "no answer from Waypost or the shop", (f"Neither answered after {limit_seconds:.0f} s.",)
                )
            self._signals.pause(_EVERY_SECONDS)

    def for_ever(self) -> NoReturn:
        """Continue to watch what the person at the keyboard sends, until a signal, or until a program ends."""
        while True:
            self._look()
            self._signals.pause(_EVERY_SECONDS)

    def _look(self) -> Verdict | None:
        self._children.check()
        try:
            deliveries = list(_deliveries(self._stage))
            # Queried after Waypost: the shop knows of a webhook before Waypost knows of the response.
            arrivals = msgspec.convert(self._stage.shop.get("/_ledger"), list[Arrival])
            self._show(deliveries, {arrival.id for arrival in arrivals if arrival.verified})
        except Unreachable:
            self._children.check()  # usually it has just ended
            return None
        return judge(self._stage.plan, deliveries, arrivals)

    def _show(self, deliveries: list[Delivery], verified: Collection[str]) -> None:
        for one in deliveries:
            if one.state in _UNSETTLED or one.id in self._shown:
                continue
            attempts = self._stage.waypost.get(f"/v1/deliveries/{one.id}")["attempts"]
            self._shown.add(one.id)
            self._screen.delivery(
                at=time.monotonic() - self._begun,
                number=one.tracking_number,
                sequence=one.sequence,
                status=one.status,
                endpoint=self._stage.webhook_url,
                answer=_answer(one, attempts) + (", verified" if one.event_id in verified else ""),
            )


def _deliveries(stage: Stage) -> Iterator[Delivery]:
    """Return every delivery, oldest first. A list that changes while it is read may contain one twice."""
    found: dict[str, Delivery] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = stage.waypost.get("/v1/deliveries?limit=200" + (f"&cursor={cursor}" if cursor else ""))
        for item in page["items"]:
            if not item["test"]:
                found.setdefault(item["id"], msgspec.convert(item, Delivery))
        cursor = page["next_cursor"]
    return reversed(found.values())


def _answer(delivery: Delivery, attempts: list[dict[str, Any]]) -> str:
    if not attempts:
        return delivery.state
    last = attempts[-1]
    answer = f"{last['status_code'] or last['outcome']} in {last['duration_ms']} ms"
    tries = f", try {len(attempts)}" if len(attempts) > 1 else ""
    return answer + tries + ("" if delivery.state == "delivered" else f" ({delivery.state})")
