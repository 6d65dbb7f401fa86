"""``/developer/webhooks/{id}/settings``: an endpoint's settings, and what changes them."""

from typing import Final

from litestar import Response, get
from litestar.params import FromPath

from waypost.actions import endpoints as changes
from waypost.portal.pages.webhook_head import head, summary_of
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter


@get(PATH + "/{endpoint_id:str}/settings")
async def show(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Show the tab."""
    visitor = await enter(request, pages)
    row = await changes.find(pages.context, actor_of(request, visitor), changes.read_id(endpoint_id))
    return page(request, "webhook_settings.html", visitor, **head(await summary_of(pages, row), "/settings"))


ROUTES: Final = (show,)
