"""Parcels and their journeys as values: what happens where and when, in the codes and words of a carrier."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum, auto
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """A town as its carrier writes it; ``offset`` is the distance to UTC of its clocks in winter."""

    town: str
    country: str
    postcode: str
    offset: str
    region: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One scan; ``day`` counts from the journey's first, ``time`` (HH:MM) is the wall time at its place."""

    day: int
    time: str
    place: Place
    code: str
    description: str
    remark: str | None = None
    next_steps: str | None = None

    def moment(self, first_day: date) -> datetime:
        """Return when it happened, with its place's offset from UTC."""
        return datetime.fromisoformat(f"{first_day + timedelta(days=self.day)}T{self.time}:00{self.place.offset}")


@dataclass(frozen=True, slots=True)
class Route:
    """One parcel's journey; ``ends_as`` is the substatus that a reader should reach."""

    tracking_number: str
    courier_code: str
    service: str
    product: str
    kilograms: float
    steps: tuple[Step, ...]
    ends_as: str
    unknown_at_first: bool = False
    signed_by: str | None = None

    @property
    def origin(self) -> Place:
        """Where the parcel was first."""
        return self.steps[0].place

    @property
    def destination(self) -> Place:
        """Where the parcel goes: the last place that is not on the way back."""
        back = ("exception010", "exception011")
        return self.steps[-3 if self.ends_as in back else -1].place


@dataclass(frozen=True, slots=True)
class Sight:
    """What is visible of a parcel now: its first steps, the oldest first. ``number`` is the one that was asked for."""

    number: str
    route: Route
    steps: tuple[Step, ...]
    first_day: date

    @property
    def is_over(self) -> bool:
        """Whether the last step is visible."""
        return len(self.steps) == len(self.route.steps)

    def moment(self, step: Step) -> datetime:
        """Return when a step happened."""
        return step.moment(self.first_day)

    @property
    def expected(self) -> datetime:
        """When the parcel will have arrived."""
        return self.route.steps[-1].moment(self.first_day)


class What(Enum):
    """What happens to parcels, whatever a carrier calls it."""

    ANNOUNCED = auto()
    PICKED_UP = auto()
    DEPARTED = auto()
    ARRIVED = auto()
    OUT = auto()
    NOBODY_HOME = auto()
    TO_COLLECT = auto()
    DELIVERED = auto()
    RETURNING = auto()
    RETURNED = auto()


Words = Mapping[What, tuple[str, str]]
"""A carrier's code (several parts are separated by spaces) and text for what happens."""
Shape = tuple[tuple[int, str, What, int], ...]
"""Day, time, what happens, and where: 0 at the sender, 1 at the recipient."""

TO_THE_DOOR: Final[Shape] = (
    (0, "12:49", What.ANNOUNCED, 0),
    (0, "17:05", What.PICKED_UP, 0),
    (0, "22:10", What.DEPARTED, 0),
    (1, "04:30", What.ARRIVED, 1),
    (1, "08:15", What.OUT, 1),
    (1, "14:12", What.DELIVERED, 1),
)
AT_THE_SECOND_ATTEMPT: Final[Shape] = (
    (0, "09:20", What.ANNOUNCED, 0),
    (1, "05:47", What.ARRIVED, 1),
    (1, "08:02", What.OUT, 1),
    (1, "12:44", What.NOBODY_HOME, 1),
    (2, "07:55", What.OUT, 1),
    (2, "10:26", What.DELIVERED, 1),
)
COLLECTED: Final[Shape] = (
    (0, "15:00", What.ANNOUNCED, 0),
    (0, "18:31", What.PICKED_UP, 0),
    (2, "06:30", What.OUT, 1),
    (2, "11:04", What.TO_COLLECT, 1),
    (3, "16:20", What.DELIVERED, 1),
)
SENT_BACK: Final[Shape] = (
    (0, "16:05", What.PICKED_UP, 0),
    (1, "03:15", What.ARRIVED, 1),
    (1, "08:40", What.OUT, 1),
    (2, "09:10", What.RETURNING, 1),
    (4, "11:35", What.RETURNED, 0),
)


def travel(shape: Shape, words: Words, origin: Place, destination: Place) -> tuple[Step, ...]:
    """Return a journey of that shape in a carrier's words; what the carrier has no words for is left out."""
    return tuple(
        Step(day, time, (origin, destination)[where], *words[what]) for day, time, what, where in shape if what in words
    )
