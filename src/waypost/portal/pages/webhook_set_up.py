"""``/developer/webhooks/{id}/set-up``: what a receiver needs: the secret, and code that verifies a webhook."""

from typing import Final

from litestar import Response, get
from litestar.params import FromPath

from waypost.actions import endpoints as changes
from waypost.portal.pages.webhook_head import SECRET, head, secret, summary_of, verifying
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter


@get(PATH + "/{endpoint_id:str}/set-up")
async def show(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Show the tab; ``?do=secret`` reveals the secret, ``?language=`` and ``?way=`` choose the code."""
    visitor = await enter(request, pages)
    actor = actor_of(request, visitor)
    row = await changes.find(pages.context, actor, changes.read_id(endpoint_id))
    return page(
        request,
        "webhook_set_up.html",
        visitor,
        shows_secret=request.query_params.get("do") == SECRET,
        **verifying(request, row),
        **head(await summary_of(pages, row), "/set-up"),
        **await secret(request, pages, actor, row),
    )


ROUTES: Final = (show,)
