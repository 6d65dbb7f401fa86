"""An endpoint's rate limit, as a value: attempts begin at even intervals, so that no second exceeds the limit."""

import msgspec


class Pace(msgspec.Struct, frozen=True):
    """A rate in attempts per second; the next may begin at ``free_at`` (seconds of the caller's clock)."""

    per_second: int
    free_at: float = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until an attempt may begin."""
        return max(0.0, self.free_at - now)

    def began(self, now: float) -> "Pace":
        """Note that an attempt begins."""
        return msgspec.structs.replace(self, free_at=now + 1 / self.per_second)


def with_limit(pace: Pace | None, per_second: int | None, *, free_at: float) -> Pace | None:
    """Return the pace under a limit that may have changed; nothing begins before ``free_at`` under a new one."""
    if per_second is None:
        return None
    if pace is None:
        return Pace(per_second, free_at)
    return pace if pace.per_second == per_second else msgspec.structs.replace(pace, per_second=per_second)
