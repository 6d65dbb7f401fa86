"""Paces refusals: whoever is refused again and again (429) gets the later answers slowly.

A program that ignores ``Retry-After`` and calls again at once costs as much per refusal as per answer, and with many
connections it could have a thousand a second. A refusal that waits costs a connection.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

A_SECOND: Final = 10
"""How many refusals are answered per second, to an account or, without one, to a network."""
AT_ONCE: Final = 20
"""How many refusals are answered without delay to whoever had none lately."""
BYTES_OF_ONE: Final = 1 << 18
"""A refusal counts once more for each of as many bytes of the refused body, which have to be read all the same."""
LONGEST_SECONDS: Final = 5.0
"""Clients wait longer than this for an answer, and so do proxies."""
REMEMBERED: Final = 4096


class RefusalPace:
    """Counts refusals, and says how long the next one has to wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: OrderedDict[Hashable, float] = OrderedDict()

    def seconds(self, whom: Hashable, size: int) -> float:
        """Count a refusal of a call with a body of ``size`` bytes; return the seconds until it may be answered."""
        now = self._clock()
        due = max(self._due.get(whom, now), now) + (1 + size // BYTES_OF_ONE) / A_SECOND
        wait = min(due - now - AT_ONCE / A_SECOND, LONGEST_SECONDS)
        self._due[whom] = now + AT_ONCE / A_SECOND + wait  # those that can't wait any longer delay nobody further
        self._due.move_to_end(whom)
        if len(self._due) > REMEMBERED:
            self._due.popitem(last=False)
        return max(wait, 0.0)
