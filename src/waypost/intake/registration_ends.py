"""Finds the registrations to be ended at their services: those of parcels that were deleted, archived, or are over."""

import time
from datetime import timedelta
from typing import Final
from uuid import UUID

from waypost.store import inbound, registrations
from waypost.store.connections import ConnectionRow
from waypost.store.database import Database
from waypost.store.registrations import UnregisteredParcel

PAGE: Final = 500
"""How many registrations are looked through in one round."""
AGAIN_SECONDS: Final = 3600.0
"""How long after all registrations were looked through the next look begins."""
OVER_FOR: Final = timedelta(days=7)
"""How long a delivered or returned parcel has not changed when its registration is ended; carriers correct some."""
_FIRST: Final = UUID(int=0)


class RegistrationEnds:
    """Looks through the registrations of each connection, page by page; how far it has got is not stored."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._after: dict[UUID, UUID] = {}
        self._rests: dict[UUID, float] = {}

    async def deleted(self, row: ConnectionRow, most: int) -> tuple[list[UUID], list[UnregisteredParcel]]:
        """Return registered parcels that were deleted, and which of them have to be stopped.

        A number that was added again since is still wanted: services know parcels by their numbers.
        """
        assert row.account is not None  # noqa: S101 - the installation has no connections that push
        async with self._database.engine.acquire() as session:
            gone = await registrations.deleted(session, row.id, most)
            numbers = {one.tracking_number for one in gone}
            live = await inbound.with_numbers(session, row.account, numbers) if numbers else []
        wanted = {one.tracking_number for one in live if not one.archived}
        return [one.id for one in gone], [one for one in gone if one.tracking_number not in wanted]

    async def finished(self, row: ConnectionRow, most: int) -> list[UnregisteredParcel]:
        """Return some registered parcels that are archived or over; those that are not stopped are found again."""
        if self._rests.get(row.id, 0.0) > time.monotonic():
            return []
        async with self._database.engine.acquire() as session:
            page = await registrations.running(session, row.id, self._after.get(row.id, _FIRST), PAGE)
            found = await registrations.finished(session, page, over_for=OVER_FOR) if page else []
        chosen = found[:most]
        if len(found) > most:
            self._after[row.id] = chosen[-1].id
        elif len(page) == PAGE:
            self._after[row.id] = page[-1]
        else:
            self._after.pop(row.id, None)
            self._rests[row.id] = time.monotonic() + AGAIN_SECONDS
        return chosen
