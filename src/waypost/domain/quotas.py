"""Quotas: how much an account may have and report, as the operator has set it."""

import msgspec

UNLIMITED = 2**62


class Quota(msgspec.Struct, frozen=True):
    """The maximum parcels, updates per day, and bytes of parcels and events of an account; None means no limit."""

    parcels: int | None = None
    updates_per_day: int | None = None
    disk_bytes: int | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is any limit."""
        return any(bound is not None and bound < UNLIMITED for bound in msgspec.structs.astuple(self))

    def over(self, usual: "Quota") -> "Quota":
        """Return this quota, with the installation's limits where it sets none."""
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(usual), strict=True)
        return Quota(*(usual_bound if bound is None else bound for bound, usual_bound in pairs))


class Usage(msgspec.Struct, frozen=True):
    """How much of its quota an account uses: parcels and bytes as last measured, and updates of the current UTC day."""

    parcels: int = 0
    updates_today: int = 0
    disk_bytes: int = 0


def reached(quota: Quota, usage: Usage, *, parcels: int = 0, updates: int = 0) -> str | None:
    """Return, in a sentence, which quota more parcels and updates would exceed; None if they fit.

    Disk usage is measured from time to time, so its quota is reached once a measurement has reached it.
    """
    if quota.disk_bytes is not None and usage.disk_bytes >= quota.disk_bytes:
        return f"The account has used its quota of {quota.disk_bytes:,} bytes of disk."
    if quota.updates_per_day is not None and updates and usage.updates_today + updates > quota.updates_per_day:
        return f"The account has used its quota of {quota.updates_per_day:,} updates a day, which ends at 00:00 UTC."
    if quota.parcels is not None and parcels and usage.parcels + parcels > quota.parcels:
        return f"The account has used its quota of {quota.parcels:,} parcels."
    return None
