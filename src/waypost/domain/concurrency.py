"""How many attempts one endpoint may have in flight, as a value: more while its answers stay quick.

It begins with 16. An answer that comes within a quarter of a second while all that are allowed are in flight allows one
more, up to what an address may have; a later one takes one back. So a server that is far away is not limited by its
distance, and one that is busy is never made to queue for longer than that by us. An answer that takes a second, or a
failure, takes back everything above 16.
"""

from typing import Final

LEAST: Final = 16
MOST: Final = 50
QUICK_SECONDS: Final = 0.25
SLOW_SECONDS: Final = 1.0


def allowed(before: int, *, succeeded: bool, seconds: float, in_flight: int) -> int:
    """Return how many may be in flight after an attempt that took so long, of so many that were."""
    if not succeeded or seconds >= SLOW_SECONDS:
        return LEAST
    if seconds >= QUICK_SECONDS:
        return max(LEAST, before - 1)
    return min(before + 1, MOST) if in_flight >= before else before
