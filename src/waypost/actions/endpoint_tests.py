"""Tests of endpoints: send a sample like any delivery, and wait for its result."""

import asyncio
import secrets
import time
from typing import Final
from uuid import UUID

from waypost.actions.actor import Actor
from waypost.actions.context import Context
from waypost.actions.refusals import Fault, Invalid, NotFound, TooManyWaiting
from waypost.domain.statuses import SELECTABLE
from waypost.store import deliveries, queue
from waypost.store.deliveries import DeliveryRow
from waypost.store.statements import transaction

_FIRST_LOOK_SECONDS: Final = 0.01
_SLOWEST_LOOK_SECONDS: Final = 0.25


async def send_test(context: Context, actor: Actor, endpoint: UUID, status: str) -> DeliveryRow:
    """Send the sample of a status and return its delivery, which is unsettled if the result takes too long.

    Raise TooManyWaiting, and send nothing, while many tests of the account wait: each polls the database, so an
    unresponsive receiver would otherwise let one account's tests slow down everybody.
    """
    if status not in list(SELECTABLE):
        raise Invalid([Fault("status", f"must be one of {', '.join(SELECTABLE)}")])
    try:
        async with context.rooms.tests.hold(actor.account):
            return await _sent(context, actor.account, endpoint, status)
    except TooManyWaiting:
        raise TooManyWaiting(
            "Too many tests of this account are waiting for a response. Send this one when they have finished."
        ) from None


async def _sent(context: Context, account: UUID, endpoint: UUID, status: str) -> DeliveryRow:
    random = secrets.randbits(62), secrets.randbits(62)
    async with context.database.serving.acquire() as session, transaction(session):
        delivery = await queue.add_test(session, account, endpoint, sample=status, random=random)
    if delivery is None:
        raise NotFound
    context.hint_by_hand()
    ends, pause = time.monotonic() + context.test_seconds, _FIRST_LOOK_SECONDS
    while True:
        async with context.database.serving.acquire() as session:
            row = await deliveries.find(session, account, delivery)
        if row is None:  # its history was deleted concurrently
            raise NotFound
        if row.state is not None or time.monotonic() >= ends:
            return row
        await asyncio.sleep(pause)
        pause = min(pause * 2, _SLOWEST_LOOK_SECONDS)
