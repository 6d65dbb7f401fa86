"""The faults of a world's processes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trouble:
    """How often what befalls processes, as shares of the steps in which it could. ``outage``: all is down at first.

    ``people`` is how likely some of them interfere.
    """

    kill: float = 0.0
    pause: float = 0.0
    lost_session: float = 0.0
    restart: float = 0.0
    lost_commit: float = 0.0
    outage: bool = False
    people: float = 0.4

    @property
    def befalls_processes(self) -> bool:
        """Whether dispatchers may come and go."""
        return any((self.kill, self.pause, self.lost_session, self.restart))


CALM = Trouble()
OUTAGE = Trouble(outage=True, people=0.0)
BUSY = Trouble(people=1.0)
STORMY = Trouble(kill=0.03, pause=0.05, lost_session=0.02, restart=0.01, lost_commit=0.08)
