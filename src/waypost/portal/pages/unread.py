"""``/sources/unread``: codes and texts of scans that were not understood, most frequent first."""

from typing import Final

from litestar import Response, get, post

from waypost.actions import unread as actions
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store import unread

PATH: Final = "/sources/unread"


@get(PATH)
async def show(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the page of unread scans."""
    visitor = await enter(request, pages)
    async with pages.context.database.serving.acquire() as session:
        rows = await unread.of_account(session, visitor.account)
    clearing = request.query_params.get("do") == "clear"
    return page(request, "unread.html", visitor, rows=rows, clearing=clearing, most=unread.MOST_OF_AN_ACCOUNT)


@post(PATH + "/clear")
async def clear(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Empty the list of unread scans, and go back to the page."""
    visitor = await enter(request, pages)
    await actions.clear(pages.context, actor_of(request, visitor))
    notify(request, "List cleared.")
    return go_to(PATH)


ROUTES: Final = (show, clear)
