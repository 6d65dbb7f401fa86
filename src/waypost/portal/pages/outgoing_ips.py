"""``/developer/outgoing-ips``: the addresses that webhooks are sent from."""

from typing import Final

from litestar import Response, get

from waypost.portal.parts import GivenPages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import enter


@get("/developer/outgoing-ips")
async def outgoing_ips(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the addresses that webhooks are sent from."""
    visitor = await enter(request, pages)
    return page(request, "outgoing_ips.html", visitor, addresses=pages.outgoing_ips)


ROUTES: Final = (outgoing_ips,)
