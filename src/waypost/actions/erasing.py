"""Erase the data of customers from parcels and their events, at the request of a customer."""

from typing import Final

import msgspec

from waypost.actions.actor import Actor, note
from waypost.actions.context import DatabaseContext
from waypost.actions.refusals import Fault, Invalid
from waypost.domain.audit import Action
from waypost.domain.facts import CUSTOMER_FACTS
from waypost.domain.trackings import TrackingState
from waypost.store import erasing, trackings
from waypost.turns import Turn

PAGE: Final = 100


class Erased(msgspec.Struct):
    """The number of parcels from which something was erased."""

    parcels: int = 0


async def erase_customer(
    context: DatabaseContext, actor: Actor, *, numbers: tuple[str, ...] = (), customer: str | None = None
) -> Erased:
    """Erase from the parcels of these numbers, or of a customer, whatever is known about persons.

    ``customer`` is a name, e-mail address or phone number as the shop gave it. Raise Invalid without either.
    """
    wanted = None if customer is None else " ".join(customer.split()).casefold()
    if not numbers and not wanted:
        raise Invalid([Fault("customer", "is required, or a number")])
    erased, turn = Erased(), Turn(actor.account)
    only = trackings.Filter(numbers=numbers) if numbers else trackings.Filter()
    while True:
        async with context.database.serving.acquire() as session:
            rows = await trackings.page(session, actor.account, only, limit=PAGE)
            for row in rows:
                await turn.pause()
                if wanted is None or _is_of(row.state, wanted):
                    erased.parcels += await erasing.replace_states(session, actor.account, row.id)
        if len(rows) < PAGE:
            break
        only = msgspec.structs.replace(only, before=rows[-1].id)
    async with context.database.serving.acquire() as session:
        await note(session, actor, Action.CUSTOMER_ERASED, f"{erased.parcels:,} parcels")
    return erased


def _is_of(state: TrackingState, customer: str) -> bool:
    known = (state.facts[name].text for name in CUSTOMER_FACTS if name in state.facts)
    return any(" ".join(text.split()).casefold() == customer for text in known)
