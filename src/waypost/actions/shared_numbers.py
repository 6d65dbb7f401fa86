"""New parcels whose number is also tracked with other couriers: often one of them was a mistake."""

from collections.abc import Sequence

import msgspec

from waypost.actions.actor import Actor
from waypost.actions.context import DatabaseContext
from waypost.domain.trackings import TrackingState
from waypost.store import trackings


class SharedNumber(msgspec.Struct, frozen=True):
    """A parcel that was just registered, and the other couriers with which its number is tracked, in their order."""

    tracking_number: str
    courier_code: str
    also_tracked_with: list[str]


async def shared_numbers(
    context: DatabaseContext, actor: Actor, states: Sequence[TrackingState | None]
) -> list[SharedNumber]:
    """Return those of the parcels of the account whose number is also tracked with other couriers."""
    registered = [state for state in states if state is not None]
    if not registered:
        return []
    numbers = list({state.tracking_number for state in registered})
    async with context.database.serving.acquire() as session:
        couriers = await trackings.couriers_of(session, actor.account, numbers)
    shared = [
        SharedNumber(
            state.tracking_number,
            state.courier_code,
            [code for code in couriers.get(state.tracking_number, []) if code != state.courier_code],
        )
        for state in registered
    ]
    return [one for one in shared if one.also_tracked_with]
