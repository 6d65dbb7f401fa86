"""Decides where to dispatch, from what was measured: no clock, no I/O.

While little is sent, one process does everything: a second and a third would occupy more memory and processor than
the sending. It moves to processes of its own as soon as it could delay the API, or be delayed by it.
"""

from typing import Final

import msgspec

MOST_IN_HAND: Final = 16
"""An endpoint that hangs has as many attempts in flight; a backlog has more."""

INSIDE_SLOTS: Final = 32
"""The maximum attempts in flight while the processes start: a round of the loop in which all end takes some 10 ms."""

BUSY_LOOP: Final = 0.4
"""The part of a core that the loop may use, whatever for, before the dispatching leaves it."""

QUIET_LOOP: Final = 0.2
QUIET_IN_FLIGHT: Final = 4
QUIET_ATTEMPTS_PER_SECOND: Final = 5.0
QUIET_SECONDS: Final = 300.0
"""Long, because each move costs a second of processor time, and whoever sent a lot may soon do so again."""


class SendingLoad(msgspec.Struct, frozen=True):
    """What was measured over ``seconds``.

    ``loop`` is the part of a core that the loop of this process used. ``stalls`` is how often work blocked it.
    ``in_hand`` are deliveries in flight or claimed, ``attempts`` those that ended, and ``suspects`` those that may
    crash the process that sends them. ``is_behind``: more is due than can be in hand here.
    """

    seconds: float
    loop: float = 0.0
    stalls: int = 0
    in_hand: int = 0
    attempts: int = 0
    suspects: int = 0
    is_behind: bool = False

    @property
    def needs_processes(self) -> bool:
        """Whether dispatching must leave the process that does everything."""
        return self.loop >= BUSY_LOOP or self.stalls > 0 or self.suspects > 0

    @property
    def is_piled_up(self) -> bool:
        """Whether it must leave unless this passes: a machine that stood still for a moment has as much in hand."""
        return self.in_hand >= MOST_IN_HAND or self.is_behind

    @property
    def is_quiet(self) -> bool:
        """Whether it could as well be done there; well below what makes it leave."""
        return (
            self.loop < QUIET_LOOP
            and not self.stalls
            and self.in_hand <= QUIET_IN_FLIGHT
            and self.attempts <= QUIET_ATTEMPTS_PER_SECOND * self.seconds
            and not self.suspects
        )


class Workload:
    """Judges one load after the other. ``at_rest``: dispatching is in the process that does everything."""

    def __init__(self, *, at_rest: bool) -> None:
        self.at_rest = at_rest
        self.piled_up = False
        """Whether it is worth another look soon."""
        self._quiet_seconds = 0.0

    def should_move(self, load: SendingLoad) -> bool:
        """Return whether to move: at once if there is work, and back after ``QUIET_SECONDS`` with little of it."""
        if self.at_rest:
            before, self.piled_up = self.piled_up, load.is_piled_up
            return load.needs_processes or (before and self.piled_up)
        self._quiet_seconds = self._quiet_seconds + load.seconds if load.is_quiet else 0.0
        return self._quiet_seconds >= QUIET_SECONDS

    def moved(self) -> None:
        """Note that dispatching has moved."""
        self.at_rest = not self.at_rest
        self.piled_up = False
        self._quiet_seconds = 0.0
