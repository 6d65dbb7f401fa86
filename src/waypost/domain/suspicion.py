"""Which deliveries are suspected of crashing the process that sends them, and when each is tried again.

A delivery that was in hand at several crashes in a row is tried separately: first among a few others, so that
bystanders are soon cleared, then alone. Before each step the process must have lived twice as long as before the
previous one. Any other cause of crashes would have to stay away for that long and then strike within a single attempt,
at every step; otherwise the attempt ends and the delivery is no longer a suspect. So a delivery that fails every step
is not a bystander. One that crashes every process at once fails all of them within twenty minutes.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

SUSPECT_AFTER: Final = 2
"""This many crashes in a row make a suspect; the index of the suspects contains this number too."""

AMONG: Final = 16
"""How many suspects are tried together the first time."""

MOST_DEATHS: Final = 7
"""Two crashes beside anything, one among a few suspects, four alone: then the delivery is given up."""


class Suspect(msgspec.Struct, frozen=True):
    """A delivery that was in hand at ``deaths`` crashes in a row; ``in_hand``: this process is trying it now."""

    id: UUID
    endpoint: UUID
    deaths: int
    in_hand: bool


def lived_before(deaths: int, timeout_seconds: float) -> float:
    """Return how long a process must have lived before it tries a suspect; an attempt takes ``timeout_seconds``."""
    return timeout_seconds * 2.0 ** (deaths - SUSPECT_AFTER + 1)


def next_to_try(suspects: Sequence[Suspect], *, lived_seconds: float, timeout_seconds: float) -> list[Suspect]:
    """Return the suspects to try next: none while another is in hand, a few new ones, otherwise one alone.

    A suspect that is to be given up is returned at once, since it is not sent any more.
    """
    if any(one.in_hand for one in suspects):
        return []
    given_up = [one for one in suspects if one.deaths >= MOST_DEATHS]
    ready = [one for one in suspects if lived_before(one.deaths, timeout_seconds) <= lived_seconds]
    few = [one for one in ready if one.deaths == SUSPECT_AFTER]
    return given_up or few[:AMONG] or sorted(ready, key=lambda one: one.deaths)[:1]
