"""``/developer/webhooks/{id}/probe``: the button that probes a failing endpoint, on every page that shows one."""

from typing import Final

from litestar import Response, post
from litestar.params import FromPath

from waypost.actions import deliveries, endpoint_probes
from waypost.actions import endpoints as changes
from waypost.domain.deliveries import Settled
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import go_to
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify, referring_page


@post(PATH + "/{endpoint_id:str}/probe")
async def probe(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Send the endpoint its next delivery, and go back to the page with the result."""
    visitor = await enter(request, pages)
    row, ended = await endpoint_probes.probe(pages.context, actor_of(request, visitor), changes.read_id(endpoint_id))
    if row.state == Settled.DELIVERED:
        notify(request, "The endpoint accepted a webhook. The waiting ones follow.")
    elif ended:
        attempts = (await deliveries.show_with_attempts(pages.context, row)).attempts
        notify(request, f"The attempt failed. {attempts[-1].message}" if attempts else "The webhook was cancelled.")
    else:
        notify(request, "The endpoint has not responded yet. Reload this page to see the result.")
    return go_to(referring_page(request) or f"{PATH}/{endpoint_id}")


ROUTES: Final = (probe,)
