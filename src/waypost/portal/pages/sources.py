"""``/sources``: what feeds the account: connections and how each does, updates by API, and what nobody understood."""

from typing import Final

from litestar import Response, get

from waypost.actions import connections as changes
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter
from waypost.store import overview, unread

PATH: Final = "/sources"
FREQUENT: Final = 5
"""So many unread codes are shown here; the page of all of them shows the others."""


@get(PATH)
async def show(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the page of the account's sources."""
    visitor = await enter(request, pages)
    connections = await changes.list_connections(pages.context, actor_of(request, visitor))
    async with pages.context.database.serving.acquire() as session:
        used = await overview.last_key_use(session, visitor.account)
        reported = await overview.last_reported(session, visitor.account)
        codes = await unread.of_account(session, visitor.account)
    return page(
        request,
        "sources.html",
        visitor,
        connections=connections,
        used=used,
        reported=reported,
        most_events=overview.MOST_EVENTS,
        codes=codes[:FREQUENT],
        more_codes=len(codes) > FREQUENT,
    )


ROUTES: Final = (show,)
