"""How many attempts one endpoint may have in flight, as a value: more while its responses stay quick.

The limit starts at 16. A response within a quarter of a second, while the limit is fully used, raises it by one, up to
what an address may have; a slower response lowers it by one. So distance does not limit a server that is far away, and
a busy server is never made to queue for longer than that because of us. A response that takes a second, or a failure,
resets the limit to 16.

A response that succeeds although its body is too long, never ends, or is cut or malformed lowers the limit to 4, and
each further response with a sound body raises it by one, up to 16. Such a response costs a connection of its own and
half a megabyte of memory while it is read, and as it counts as a success, no breaker opens.
"""

from typing import Final

FEW: Final = 4
LEAST: Final = 16
MOST: Final = 50
QUICK_SECONDS: Final = 0.25
SLOW_SECONDS: Final = 1.0


def allowed(limit: int, *, succeeded: bool, sound: bool = True, seconds: float, in_flight: int) -> int:
    """Return the new limit after an attempt that took this long while ``in_flight`` were running.

    ``sound`` is whether nothing was wrong with the body of its response.
    """
    if not sound:
        return FEW
    if limit < LEAST:
        return limit + succeeded
    if not succeeded or seconds >= SLOW_SECONDS:
        return LEAST
    if seconds >= QUICK_SECONDS:
        return max(LEAST, limit - 1)
    return min(limit + 1, MOST) if in_flight >= limit else limit
