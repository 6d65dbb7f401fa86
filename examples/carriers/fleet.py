"""Who sees which step of a parcel when: the memory of a stand-in, without any network.

A parcel's next step becomes visible when its planned time has come and the step before it was served, so nobody who
polls again and again can miss one. The clock starts with the first poll.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from zlib import crc32

from examples.carriers.journeys import Route, Sight

_LAST_STEP_AT: Final = 0.8


@dataclass(slots=True)
class _Progress:
    route: Route
    planned: tuple[float, ...]
    stage: int = 0
    served: bool = False


@dataclass(slots=True)
class Fleet:
    """A carrier's parcels on their way.

    ``now`` counts seconds, and ``seconds`` is how long the longest journey takes. With ``any_number`` every number
    that was never heard of is a parcel, too, with one of the routes.
    """

    routes: Sequence[Route]
    seconds: float
    today: date
    now: Callable[[], float]
    any_number: bool = False
    _begun: float | None = None
    _progress: dict[str, _Progress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, route in enumerate(self.routes):
            planned = plan_stages(stages(route), self.seconds, place / len(self.routes))
            self._progress[route.tracking_number] = _Progress(route, planned)

    def look(self, number: str) -> tuple[Sight | None, int | None]:
        """Return what is visible of a parcel, None if its number is not known, and the stage that shows."""
        if self._begun is None:
            self._begun = self.now()
        progress = self._progress.get(number) or self._adopt(number)
        if progress is None:
            return None, None
        seen = self._advance(progress)
        if seen == 0:
            return None, progress.stage
        first_day = self.today - timedelta(days=progress.route.steps[-1].day + 1)  # it ends before today
        return Sight(number, progress.route, progress.route.steps[:seen], first_day), progress.stage

    def served(self, number: str, stage: int) -> None:
        """Note that an answer has left: its stage has been seen, and the next one may come."""
        progress = self._progress.get(number)
        if progress is not None and stage == progress.stage:
            progress.served = True

    def plan(self) -> list[dict[str, Any]]:
        """Return what is going to happen, for those who register the parcels and count their events."""
        return [_planned_parcel(route) for route in self.routes]

    def _adopt(self, number: str) -> _Progress | None:
        if not self.any_number or not number:
            return None
        route = self.routes[crc32(number.encode()) % len(self.routes)]
        self._progress[number] = _Progress(route, plan_stages(stages(route), self.seconds, 0.5))
        return self._progress[number]

    def _advance(self, progress: _Progress) -> int:
        """Move a parcel by one stage at most, and return how many of its steps are visible."""
        following = progress.stage + 1
        elapsed = self.now() - (self._begun or 0.0)
        if progress.served and following < len(progress.planned) and elapsed >= progress.planned[following]:
            progress.stage, progress.served = following, False
        return progress.stage + (0 if progress.route.unknown_at_first else 1)


def stages(route: Route) -> int:
    """Return how much there is to see of a parcel: its steps, and first that its number is not known."""
    return len(route.steps) + route.unknown_at_first


def plan_stages(count: int, seconds: float, lean: float) -> tuple[float, ...]:
    """Return the second of each stage. The first is seen at once; ``lean`` (0 to 1) keeps parcels out of step."""
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
