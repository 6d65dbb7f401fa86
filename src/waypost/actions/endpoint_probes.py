"""Send a waiting delivery at once and wait for the result: the next one of a failing endpoint, or a chosen one."""

from uuid import UUID

from waypost.actions.actor import Actor
from waypost.actions.context import Context
from waypost.actions.refusals import Conflict, present
from waypost.actions.results import until_ended
from waypost.store import deliveries, endpoints, probe_changes
from waypost.store.deliveries import DeliveryRow
from waypost.store.probe_changes import NextDelivery


async def probe(context: Context, actor: Actor, endpoint: UUID) -> tuple[DeliveryRow, bool]:
    """Send an endpoint its next delivery now. Return the delivery, and whether its attempt has ended.

    Raise Conflict if the endpoint is disabled, if nothing waits for it, or if an attempt is in flight, and
    TooManyWaiting while many tests of the account wait.
    """
    async with context.rooms.tests.hold(actor.account):
        return await _probed(context, actor.account, endpoint)


async def _probed(context: Context, account: UUID, endpoint: UUID) -> tuple[DeliveryRow, bool]:
    async with context.database.serving.acquire() as session:
        row = present(await endpoints.find(session, account, endpoint))
        if not row.enabled:
            raise Conflict("endpoint_off", "The endpoint is disabled. Enable it, or send it a test.")
        probe = await probe_changes.bring_forward(session, endpoint)
    if probe is None:
        raise Conflict("nothing_to_probe", "No delivery is ready to be sent. Send the endpoint a test instead.")
    context.hint([endpoint])
    return await _result(context, account, probe)


async def retry_now(context: Context, actor: Actor, delivery: UUID) -> tuple[DeliveryRow, bool]:
    """Send a waiting delivery now. Return it, and whether its attempt has ended. Its schedule stays as it is.

    Raise Conflict if it has ended, waits behind another one, or is being sent, and TooManyWaiting while many tests of
    the account wait.
    """
    async with context.rooms.tests.hold(actor.account):
        return await _retried(context, actor.account, delivery)


async def _retried(context: Context, account: UUID, delivery: UUID) -> tuple[DeliveryRow, bool]:
    async with context.database.serving.acquire() as session:
        row = present(await deliveries.find(session, account, delivery))
        if row.state is not None:
            raise Conflict("already_settled", f"The delivery has already ended ({row.state}).")
        if row.blocked:
            raise Conflict("delivery_blocked", "An earlier delivery of this parcel is sent first.")
        if row.sample is not None or not await probe_changes.send_first(session, row):
            raise Conflict("in_flight", "The delivery is being sent at this moment.")
    context.hint([row.endpoint])
    if row.resend_of is not None:
        context.hint_by_hand()
    return await _result(context, account, NextDelivery(row.id, row.tries))


async def _result(context: Context, account: UUID, probe: NextDelivery) -> tuple[DeliveryRow, bool]:
    async def look() -> DeliveryRow:
        async with context.database.serving.acquire() as session:
            return present(await deliveries.find(session, account, probe.delivery))

    def ended(row: DeliveryRow) -> bool:
        return row.state is not None or row.tries > probe.tries

    row = await until_ended(look, ended, seconds=context.test_seconds)
    return row, ended(row)
