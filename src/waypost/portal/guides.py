"""``/help``: the documentation, from the package."""

import re
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import count
from pathlib import Path
from typing import Final

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from markdown_it import MarkdownIt
from markupsafe import Markup

from waypost.api.problems import not_found
from waypost.portal.pages import GivenPages
from waypost.portal.rendering import ALWAYS, page
from waypost.portal.visits import PageRequest, enter

GUIDES: Final = (
    ("how-it-works", "How webhooks work"),
    ("setup", "Set up a webhook"),
    ("update", "Update a webhook"),
    ("test", "Test a webhook"),
    ("disable-or-delete", "Disable or delete a webhook"),
    ("secure", "Webhook secure"),
    ("retry", "Retry webhook"),
    ("specifications", "Webhook specifications"),
    ("outgoing-ip", "Webhook outgoing IP"),
)
"""The guides on webhooks, in the order in which they are read."""

_PICTURE: Final = re.compile(r"[a-z0-9-]+\.png")
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


class Guide(msgspec.Struct, frozen=True):
    """A guide: its name in the address, its title, its text as HTML."""

    name: str
    title: str
    html: Markup


def folder() -> Traversable:
    """Give the folder of the documentation: inside the package, or, in a checkout, beside ``src``."""
    packaged = files("waypost") / "docs"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "docs"


@lru_cache
def guide(name: str) -> Guide:
    """Give a guide; KeyError for a name that none has."""
    title = dict(GUIDES)[name]
    text = (folder() / "webhooks" / f"{name}.md").read_text(encoding="utf-8")
    # Links between the files are links between the pages; raw HTML in them stays text.
    linked = re.sub(r"\]\((?!https?:|/)([a-z-]+)\.md", r"](/help/webhooks/\1", text)
    pictured = re.sub(r"\]\(images/", "](/help/images/", linked)
    numbers = count(1)
    html = re.sub(
        r"<table>.*?</table>",
        lambda found: (
            f'<div class="table" role="region" tabindex="0" aria-label="Table {next(numbers)}">{found[0]}</div>'
        ),
        _MARKDOWN.render(pictured),
        flags=re.DOTALL,
    )
    return Guide(name, title, Markup(html))  # noqa: S704 - our own text, rendered without raw HTML


@get("/help")
async def overview(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """List the guides."""
    visitor = await enter(request, pages)
    return page(request, "help.html", visitor, guides=GUIDES)


@get("/help/webhooks/{name:str}")
async def show_guide(request: PageRequest, pages: GivenPages, name: FromPath[str]) -> Response[bytes]:
    """Show a guide."""
    visitor = await enter(request, pages)
    if name not in dict(GUIDES):
        raise not_found()
    return page(request, "guide.html", visitor, guide=guide(name), guides=GUIDES)


@get("/help/images/{name:str}")
async def picture(name: FromPath[str]) -> Response[bytes]:
    """Give a picture of a guide."""
    file = folder() / "webhooks" / "images" / name
    if not _PICTURE.fullmatch(name) or not file.is_file():
        raise not_found()
    return Response(file.read_bytes(), media_type="image/png", headers={**ALWAYS, "cache-control": "max-age=3600"})


ROUTES: Final = (overview, show_guide, picture)
