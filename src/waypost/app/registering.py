"""A way in for a command that registers parcels beside the servers, or without one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from waypost.actions.context import IntakeContext
from waypost.app.composition import CARRIER_SECONDS, carrier_sources, polled_couriers
from waypost.app.sending import user_agent
from waypost.intake.collector import Intake
from waypost.settings import Settings
from waypost.sources.http import CarrierHttp
from waypost.store.database import Database


@asynccontextmanager
async def registering(settings: Settings, database: Database) -> AsyncIterator[IntakeContext]:
    """Give what registering needs. It asks no carrier and sends nothing: the servers see what it has registered."""
    http = CarrierHttp(timeout_seconds=CARRIER_SECONDS, user_agent=user_agent(settings.contact))
    try:
        polled = frozenset(polled_couriers(carrier_sources(settings, http)))
        intake = Intake(database, polled=polled, hint=lambda _: None)
        intake.start()
        try:
            yield IntakeContext(database=database, intake=intake)
        finally:
            await intake.stop()
    finally:
        await http.close()
