"""``/developer/webhooks/{id}/deliveries``: an endpoint's newest deliveries, and the events that it did not get."""

from typing import Final

from litestar import Response, get
from litestar.params import FromPath

from waypost.actions import deliveries as delivery_actions
from waypost.actions import endpoints as changes
from waypost.portal.pages.webhook_head import head, summary_of
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter
from waypost.store import deliveries, endpoints
from waypost.store.deliveries import Wanted

NEWEST: Final = 25
SKIPPED: Final = 10


@get(PATH + "/{endpoint_id:str}/deliveries")
async def show(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Show the tab; the webhook history has all deliveries."""
    visitor = await enter(request, pages)
    row = await changes.find(pages.context, actor_of(request, visitor), changes.read_id(endpoint_id))
    async with pages.context.database.serving.acquire() as session:
        recent = await deliveries.newest(session, visitor.account, Wanted.of_endpoint(row.id), NEWEST)
        skipped = await endpoints.skipped(session, visitor.account, row.id, limit=SKIPPED)
    return page(
        request,
        "webhook_deliveries.html",
        visitor,
        recent=[delivery_actions.show(one) for one in recent],
        skipped=skipped,
        **head(await summary_of(pages, row), "/deliveries"),
    )


ROUTES: Final = (show,)
