"""The choices of the person who starts the demo, and what follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from examples.demo.failures import DemoFailed

_LEAST_SECONDS: Final = 20
_MOST_SECONDS: Final = 86_400
_USUAL_SECONDS: Final = 60
_STARTING_SECONDS: Final = 8
_POLLED_EVERY_HOURS: Final = 4
"""How often Waypost polls a parcel in transit. The demo shortens this to a sixtieth of the duration of its routes."""


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """The demo runs until Ctrl-C if ``seconds`` is None, and on any free port if ``port`` is None."""

    seconds: int | None
    port: int | None

    @property
    def route_seconds(self) -> int:
        """How long the parcels are on their way; the rest is for starting and stopping."""
        return _USUAL_SECONDS if self.seconds is None else self.seconds - _STARTING_SECONDS

    @property
    def poll_speed(self) -> float:
        """The factor by which Waypost polls carriers more often than in production."""
        return _POLLED_EVERY_HOURS * 3600 / (self.route_seconds / 60)

    @property
    def limit_seconds(self) -> int:
        """How long the demo waits for parcels before it gives up."""
        return 60 + 2 * self.route_seconds


def read_settings(environment: Mapping[str, str]) -> DemoSettings:
    """Return the values of DEMO_SECONDS and WAYPOST_DEMO_PORT. Raise DemoFailed with the reason if one is invalid."""
    return DemoSettings(
        seconds=_whole_number(environment, "DEMO_SECONDS", _LEAST_SECONDS, _MOST_SECONDS),
        port=_whole_number(environment, "WAYPOST_DEMO_PORT", 1, 65_535),
    )


def _whole_number(environment: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    text = environment.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise DemoFailed(f"{name} must be a whole number from {least} to {most}, not {text[:40]!r}.")
    return int(text)
