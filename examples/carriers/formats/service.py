"""What services that follow parcels of many couriers have in common: parcels are registered, asked for, and pushed."""

import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from examples.carriers.formats.format import Format
from examples.carriers.journeys import COLLECTED, TO_THE_DOOR, Place, Route, Sight, Words, travel
from examples.carriers.wire import Reply, Request

_HAMBURG: Final = Place("Hamburg", "DE", "20095", "+01:00", "HH")
_KOELN: Final = Place("Köln", "DE", "50667", "+01:00", "NW")
NUMBERS: Final = ("9400111899560000000017", "1Z0000000000000018")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a service pushes: the address, and the secret that signs."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """A push as it is sent."""

    body: bytes
    headers: dict[str, str]


class Service(Format):
    """A service; ``followed`` are the registered numbers, each with the service's name of its courier."""

    words: ClassVar[Words]

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.followed: dict[str, str] = {}
        self.stopped: set[str] = set()
        self.targets: list[Target] = []

    @abstractmethod
    def other(self, request: Request) -> Reply | None:
        """Return the response to a call that registers or stops a parcel; None if there is no such call."""

    @abstractmethod
    def push(self, sight: Sight, secret: str) -> Webhook:
        """Return what is pushed about a parcel."""

    def follow(self, number: str, courier: str) -> bool:
        """Register a number, and return whether it was new."""
        new = number not in self.followed
        self.followed[number] = courier
        self.stopped.discard(number)
        return new


def routes(words: Words) -> Sequence[Route]:
    """Return the parcels of a service in its own words."""
    return (
        Route(NUMBERS[0], "usps", "", "", 1.5, travel(TO_THE_DOOR, words, _HAMBURG, _KOELN), "delivered001"),
        Route(NUMBERS[1], "ups", "", "", 0.8, travel(COLLECTED[:-1], words, _HAMBURG, _KOELN), "pickup002"),
    )


def read_json(request: Request) -> Any:
    """Return the body of a request, or None if it is not JSON."""
    try:
        return json.loads(request.body)
    except ValueError:
        return None
