"""How many attempts one endpoint may have in flight, as a value: more while its responses stay quick.

The limit starts at 16. A response within a quarter of a second, while the limit is fully used, raises it by one, up to
what an address may have; a slower response lowers it by one. So distance does not limit a server that is far away, and
a busy server is never made to queue for longer than that because of us. A response that takes a second, or a failure,
resets the limit to 16.
"""

from typing import Final

LEAST: Final = 16
MOST: Final = 50
QUICK_SECONDS: Final = 0.25
SLOW_SECONDS: Final = 1.0


def allowed(limit: int, *, succeeded: bool, seconds: float, in_flight: int) -> int:
    """Return the new limit after an attempt that took this long while ``in_flight`` were running."""
    if not succeeded or seconds >= SLOW_SECONDS:
        return LEAST
    if seconds >= QUICK_SECONDS:
        return max(LEAST, limit - 1)
    return min(limit + 1, MOST) if in_flight >= limit else limit
