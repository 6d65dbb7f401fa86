"""Who sees which step when: the stand-in's memory, without any network.

A parcel's next step becomes visible when its planned time has come and its former step was served, so that nobody who
asks again and again can miss one. The clock starts with the first question.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from examples.carrier.routes import Route
from examples.carrier.wire import problem, shipment_answer

_LAST_STEP_AT: Final = 0.8
_UNAVAILABLE_AT: Final = 15
_LIMITED_EVERY: Final = 40
_LIMITED_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to one question. ``stage`` is the stage that it shows, to be told to ``Carrier.served``."""

    status: int
    body: dict[str, Any]
    retry_after_seconds: int | None = None
    stage: int | None = None


@dataclass(slots=True)
class _Progress:
    route: Route
    planned: tuple[float, ...]
    stage: int = 0
    served: bool = False


@dataclass(slots=True)
class Journal:
    """What was asked; ``while_limited`` counts the questions that did not wait as they had been told to."""

    questions: int = 0
    answered: int = 0
    limited: int = 0
    unavailable: int = 0
    while_limited: int = 0


@dataclass(slots=True)
class Carrier:
    """Twenty parcels on their way; ``now`` counts seconds, ``seconds`` is how long the longest way takes."""

    routes: Sequence[Route]
    seconds: float
    today: date
    now: Callable[[], float]
    hiccups: bool = False
    journal: Journal = field(default_factory=Journal)
    _begun: float | None = None
    _limited_until: float = 0.0
    _progress: dict[str, _Progress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, route in enumerate(self.routes):
            planned = plan_stages(stages(route), self.seconds, place / len(self.routes))
            self._progress[route.tracking_number] = _Progress(route, planned)

    def ask(self, number: str, *, has_key: bool) -> Reply:
        """Answer a question for a number."""
        where = f"/shipment/{number}"
        if not has_key:
            return Reply(401, problem(401, "Unauthorized", "Unauthorized for given resource.", where))
        self.journal.questions += 1
        if self._begun is None:
            self._begun = self.now()
        if (hiccup := self._hiccup(where)) is not None:
            return hiccup
        self.journal.answered += 1
        progress = self._progress.get(number)
        seen = 0 if progress is None else self._advance(progress)
        if progress is None or seen == 0:
            stage = None if progress is None else progress.stage
            unknown = problem(404, "No result found", "There is no shipment with this number.", where)
            return Reply(404, unknown, stage=stage)
        return Reply(200, shipment_answer(progress.route, seen, self.today), stage=progress.stage)

    def served(self, number: str, reply: Reply) -> None:
        """Note that a reply has left: its stage has been seen, and the next one may come."""
        progress = self._progress.get(number)
        if progress is not None and reply.stage == progress.stage:
            progress.served = True

    def plan(self) -> dict[str, Any]:
        """Give what is going to happen, for those who register the parcels and count their events."""
        return {
            "parcels": [_planned_parcel(route) for route in self.routes],
            "expected_events": sum(stages(route) for route in self.routes),
            "ends_after_seconds": self.seconds,
        }

    def _advance(self, progress: _Progress) -> int:
        """Move a parcel by one stage at most, and give how many of its steps are visible."""
        following = progress.stage + 1
        elapsed = self.now() - (self._begun or 0.0)
        if progress.served and following < len(progress.planned) and elapsed >= progress.planned[following]:
            progress.stage, progress.served = following, False
        return progress.stage + (0 if progress.route.unknown_at_first else 1)

    def _hiccup(self, where: str) -> Reply | None:
        """Be unavailable once and busy now and then: always at the same questions."""
        if not self.hiccups:
            return None
        if self.now() < self._limited_until:
            self.journal.while_limited += 1
            return self._busy(where)
        if self.journal.questions == _UNAVAILABLE_AT:
            self.journal.unavailable += 1
            return Reply(503, problem(503, "Service unavailable", "The service is not available now.", where))
        if self.journal.questions % _LIMITED_EVERY == 0:
            self.journal.limited += 1
            self._limited_until = self.now() + _LIMITED_SECONDS
            return self._busy(where)
        return None

    @staticmethod
    def _busy(where: str) -> Reply:
        body = problem(429, "Too many requests", "There were too many requests; please try again later.", where)
        return Reply(429, body, retry_after_seconds=_LIMITED_SECONDS)


def stages(route: Route) -> int:
    """Count what there is to be seen of a parcel: its steps, and first that its number is not known."""
    return len(route.steps) + route.unknown_at_first


def plan_stages(count: int, seconds: float, lean: float) -> tuple[float, ...]:
    """Give the second of each stage. The first is seen at once; ``lean`` (0 to 1) keeps parcels out of step."""
    pace = seconds * _LAST_STEP_AT / max(1, count - 1)
    return (0.0, *(pace * (number + 0.2 + 0.8 * lean) for number in range(count - 1)))


def _planned_parcel(route: Route) -> dict[str, Any]:
    return {
        "tracking_number": route.tracking_number,
        "courier_code": route.courier_code,
        "destination": {"country": route.destination.country, "city": route.destination.town},
        "steps": stages(route),
        "unknown_at_first": route.unknown_at_first,
        "ends_as": route.ends_as,
    }
