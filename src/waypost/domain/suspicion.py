"""Which deliveries are suspected of ending the process that sends them, and when each of those is tried again.

A delivery that was in hand at several deaths in a row goes its own way: first among a few, so that those which only
happened to be beside it are soon free, then alone. Each time the process must have lived twice as long before. So
whatever else ends processes must leave them alone for long and then strike within a single attempt, and that at each
step, or else the attempt ends and the delivery is no suspect any more: what comes through all the steps did not just
happen to be there. Those that end a process as soon as they are tried come through them within twenty minutes.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

SUSPECT_AFTER: Final = 2
"""So many deaths in a row make a suspect; the index of the suspects has this number, too."""

AMONG: Final = 16
"""So many suspects are tried together the first time."""

MOST_DEATHS: Final = 7
"""Two beside everything, one among a few, four alone: then it is given up."""


class Suspect(msgspec.Struct, frozen=True):
    """A delivery that was in hand at ``deaths`` deaths in a row; ``in_hand``: of the process that asks, now."""

    id: UUID
    endpoint: UUID
    deaths: int
    in_hand: bool


def lived_before(deaths: int, timeout_seconds: float) -> float:
    """Give how long a process has to have lived before it tries a suspect; an attempt takes ``timeout_seconds``."""
    return timeout_seconds * 2.0 ** (deaths - SUSPECT_AFTER + 1)


def chosen(suspects: Sequence[Suspect], *, lived_seconds: float, timeout_seconds: float) -> list[Suspect]:
    """Choose who is taken up next: nobody while another is in hand, a few new ones, else one alone.

    What is to be given up is taken up at once: it is not sent any more.
    """
    if any(one.in_hand for one in suspects):
        return []
    given_up = [one for one in suspects if one.deaths >= MOST_DEATHS]
    ready = [one for one in suspects if lived_before(one.deaths, timeout_seconds) <= lived_seconds]
    few = [one for one in ready if one.deaths == SUSPECT_AFTER]
    return given_up or few[:AMONG] or sorted(ready, key=lambda one: one.deaths)[:1]
