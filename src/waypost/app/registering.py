"""A way in for a command that registers parcels beside the servers, or without one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from waypost.actions.context import IntakeContext
from waypost.app.sources import askable
from waypost.intake.collector import Intake
from waypost.store.database import Database


@asynccontextmanager
async def registering(database: Database) -> AsyncIterator[IntakeContext]:
    """Yield what registering needs. It asks no carrier and sends nothing: the servers see what it has registered."""
    intake = Intake(database, polled=askable(), hint=lambda _: None)
    intake.start()
    try:
        yield IntakeContext(database=database, intake=intake)
    finally:
        await intake.stop()
