"""New parcels whose number is also tracked with other couriers: often one of them was a mistake."""

from collections.abc import Sequence

import msgspec

from waypost.actions.actor import Actor
from waypost.actions.context import DatabaseContext
from waypost.domain.trackings import TrackingState
from waypost.store import trackings
from waypost.store.trouble import LOST


class SharedNumber(msgspec.Struct, frozen=True):
    """A parcel that was just registered, and the other couriers with which its number is tracked, in their order."""

    tracking_number: str
    courier_code: str
    also_tracked_with: list[str]


async def shared_numbers(
    context: DatabaseContext, actor: Actor, states: Sequence[TrackingState | None]
) -> list[SharedNumber]:
    """Return those of the parcels of the account whose number is also tracked with other couriers."""
    registered = [(state.tracking_number, state.courier_code) for state in states if state is not None]
    return await of_registered(context, actor, registered)


async def of_registered(
    context: DatabaseContext, actor: Actor, registered: Sequence[tuple[str, str]]
) -> list[SharedNumber]:
    """Return the same for parcels of these numbers and courier codes.

    They are registered already: if the database is lost at that moment, nothing is returned.
    """
    if not registered:
        return []
    try:
        async with context.database.serving.acquire() as session:
            couriers = await trackings.couriers_of(session, actor.account, list({number for number, _ in registered}))
    except LOST:
        return []
    shared = [
        SharedNumber(number, courier, [code for code in couriers.get(number, []) if code != courier])
        for number, courier in registered
    ]
    return [one for one in shared if one.also_tracked_with]
