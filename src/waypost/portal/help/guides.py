"""``/help``: the documentation, served from the package."""

import asyncio
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from litestar import Response, get
from litestar.params import FromPath

from waypost.actions.refusals import NotFound
from waypost.portal.help import documentation, search
from waypost.portal.help.documentation import CHAPTERS, PLACES, Guide, GuidePlace, IndexEntry, folder
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import ALWAYS, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import enter_if_signed_in

_PICTURE: Final = re.compile(r"[a-z0-9-]+\.png")


def address(target: str) -> str:
    """Return the path on this server of a documentation file; server paths are returned unchanged."""
    if target.startswith("/"):
        return target
    file, mark, anchor = target.partition("#")
    if file.endswith(".png"):
        return f"/help/images/{file.rpartition('/')[2]}"
    return f"/help/{file.removesuffix('.md')}{mark}{anchor}"


_SHARED: Final[Mapping[str, Any]] = MappingProxyType(
    {"chapters": CHAPTERS, "title_of": documentation.title, "lead": address}
)
_WIDE: Final[Mapping[str, Any]] = MappingProxyType({"wide": True})
"""Visitors who are not signed in read on a wide page, not in the narrow column of the sign-in form."""


@lru_cache
def guide(place: GuidePlace) -> Guide:
    """Return a documentation page as this server shows it."""
    return documentation.read(place, address)


@lru_cache
def _letters() -> tuple[tuple[str, tuple[IndexEntry, ...]], ...]:
    return documentation.index(address)


@get("/help")
async def overview(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """List the chapters and pages, or the sections that match the words in ``q``."""
    visitor = await enter_if_signed_in(request, pages)
    query = request.query_params.get("q", "").strip()[: search.LONGEST_QUERY]
    # In a thread: the first search reads every page, which takes some hundred milliseconds.
    hits = await asyncio.to_thread(search.find, query, address) if query else ()
    return page(request, "help.html", visitor, query=query, hits=hits, **_WIDE, **_SHARED)


@get("/help/index")
async def index(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the index of the documentation: all titles and headings by first letter."""
    visitor = await enter_if_signed_in(request, pages)
    return page(request, "help_index.html", visitor, letters=_letters(), **_WIDE)


@get("/help/{chapter:str}/{name:str}")
async def show_guide(
    request: PageRequest, pages: GivenPages, chapter: FromPath[str], name: FromPath[str]
) -> Response[bytes]:
    """Show a page of the documentation."""
    visitor = await enter_if_signed_in(request, pages)
    place = GuidePlace(chapter, name)
    if place not in PLACES:
        raise NotFound
    following = documentation.following(place)
    return page(request, "guide.html", visitor, guide=guide(place), following=following, **_WIDE, **_SHARED)


@get("/help/images/{name:str}")
async def picture(name: FromPath[str]) -> Response[bytes]:
    """Return an image of a page of the documentation."""
    file = folder() / "webhooks" / "images" / name
    if not _PICTURE.fullmatch(name) or not file.is_file():
        raise NotFound
    return Response(file.read_bytes(), media_type="image/png", headers={**ALWAYS, "cache-control": "max-age=3600"})


ROUTES: Final = (overview, index, show_guide, picture)
