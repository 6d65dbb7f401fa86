"""A way in for a command that registers parcels beside the servers, or without one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from waypost.actions.context import IntakeContext
from waypost.actions.quotas import Quotas
from waypost.domain.quotas import Quota
from waypost.intake.collector import Intake
from waypost.settings import Settings
from waypost.sources.carriers import askable
from waypost.store.database import Database


def usual_quota(settings: Settings) -> Quota:
    """Return what accounts may use for which nothing else is set."""
    return Quota(settings.quota_parcels, settings.quota_updates_per_day, settings.quota_disk_bytes)


@asynccontextmanager
async def registering(database: Database, quota: Quota) -> AsyncIterator[IntakeContext]:
    """Yield what registering needs; ``quota`` is what accounts may use for which nothing else is set.

    It asks no carrier and sends nothing: the servers see what it has registered.
    """
    intake = Intake(database, polled=askable(), hint=lambda _: None)
    intake.start()
    try:
        yield IntakeContext(database=database, intake=intake, quotas=Quotas(database, quota))
    finally:
        await intake.stop()
