"""What the person who starts the demo may choose, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from examples.demo.failures import DemoFailed

_LEAST_SECONDS: Final = 20
_MOST_SECONDS: Final = 86_400
_USUAL_SECONDS: Final = 60
_STARTING_SECONDS: Final = 8
_POLLED_EVERY_HOURS: Final = 4
"""How often Waypost asks for a parcel in transit. The demo shrinks this to a sixtieth of the time its routes take."""


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """``seconds`` None: run until Ctrl-C. ``port`` None: any free one."""

    seconds: int | None
    port: int | None

    @property
    def route_seconds(self) -> int:
        """How long the parcels are on their way; what is over is for starting and ending."""
        return _USUAL_SECONDS if self.seconds is None else self.seconds - _STARTING_SECONDS

    @property
    def poll_speed(self) -> float:
        """By which factor Waypost asks the carrier more often than in earnest."""
        return _POLLED_EVERY_HOURS * 3600 / (self.route_seconds / 60)

    @property
    def limit_seconds(self) -> int:
        """After how long the demo gives up waiting for parcels."""
        return 60 + 2 * self.route_seconds


def read_settings(environment: Mapping[str, str]) -> DemoSettings:
    """Read DEMO_SECONDS and WAYPOST_DEMO_PORT; DemoFailed says what is wrong with them."""
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
