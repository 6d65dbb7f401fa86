"""The faults of a world's processes."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Trouble:
    """How often what befalls processes, as shares of the steps in which it could. ``outage``: all is down at first.

    ``people`` is how likely some of them interfere. Each parcel has this number
    of ``scans``, reported in some ``bursts`` within ``hours``.
    """

    kill: float = 0.0
    pause: float = 0.0
    lost_session: float = 0.0
    restart: float = 0.0
    lost_commit: float = 0.0
    outage: bool = False
    people: float = 0.4
    hours: float = 14
    bursts: int = 3
    scans: tuple[int, int] = (1, 5)

    @property
    def befalls_processes(self) -> bool:
        """Whether dispatchers may come and go."""
        return any((self.kill, self.pause, self.lost_session, self.restart))


CALM = Trouble()
OUTAGE = Trouble(outage=True, people=0.0)
BUSY = Trouble(people=1.0)
STORMY = Trouble(kill=0.03, pause=0.05, lost_session=0.02, restart=0.01, lost_commit=0.08)
WEEKS = Trouble(people=0.0, hours=24 * 11, bursts=8, scans=(5, 9))
STORMY_WEEKS = replace(WEEKS, kill=0.01, lost_session=0.01, restart=0.005, lost_commit=0.02)
