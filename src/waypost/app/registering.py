"""The intake of a command that registers parcels, with or without servers running beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from waypost.actions.context import IntakeContext
from waypost.actions.quotas import Quotas
from waypost.domain.quotas import Quota
from waypost.intake.collector import Intake
from waypost.settings import Settings
from waypost.sources.polled import pollable_codes
from waypost.store.database import Database


def usual_quota(settings: Settings) -> Quota:
    """Return the quota of accounts without one of their own."""
    return Quota(settings.quota_parcels, settings.quota_updates_per_day, settings.quota_disk_bytes)


@asynccontextmanager
async def registering(database: Database, settings: Settings) -> AsyncIterator[IntakeContext]:
    """Yield what registering needs.

    It polls no carrier and sends nothing: the servers see what it has registered.
    """
    intake = Intake(
        database, polled=pollable_codes(with_bridge=settings.karrio_python is not None), hint=lambda _: None
    )
    intake.start()
    try:
        yield IntakeContext(database=database, intake=intake, quotas=Quotas(database, usual_quota(settings)))
    finally:
        await intake.stop()
