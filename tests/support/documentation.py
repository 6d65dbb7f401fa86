"""The documentation as its tests read it: the files, their blocks, and the parts of the server they can link to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, cast

from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from markdown_it import MarkdownIt
from markdown_it.token import Token

from waypost.api.application import make_application
from waypost.portal import application
from waypost.portal.help.documentation import PLACES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs"
FILES = tuple(place.file for place in PLACES)
READER = MarkdownIt("commonmark", {"html": True}).enable("table")


@dataclass(frozen=True)
class Call:
    """What can be asked of the server."""

    method: str
    path: str


def text_of(file: str) -> str:
    return (FOLDER / file).read_text(encoding="utf-8")


def tokens(file: str) -> list[Token]:
    """Return a file's blocks and their content, in order."""
    blocks = READER.parse(text_of(file))
    return list(chain.from_iterable((block, *(block.children or ())) for block in blocks))


def links(file: str) -> list[str]:
    return [str(token.attrs["href"]) for token in tokens(file) if token.type == "link_open"]


def rows(file: str) -> Iterator[list[str]]:
    """Return the rows of a file's tables, without header rows."""
    body = re.findall(r"^\| --- .*\n((?:\|.*\n)+)", text_of(file), flags=re.MULTILINE)
    for line in "".join(body).splitlines():
        yield [cell.strip() for cell in line.strip("|").split("|")]


def code_blocks(file: str, language: str) -> list[str]:
    return [token.content for token in tokens(file) if token.type == "fence" and token.info.split(" ")[0] == language]


@cache
def calls() -> frozenset[Call]:
    """Return every call and page of the server."""
    routes = make_application(cast("Any", None)).routes
    api = {
        Call(str(method), _shape(route.path_format))
        for route in routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
    }
    pages = [handler for handler in application.ROUTES if isinstance(handler, HTTPRouteHandler)]
    assert len(pages) == len(application.ROUTES)
    shown = {Call(str(method), _shape(path)) for one in pages for method in one.http_methods for path in one.paths}
    return frozenset(api | shown)


def open_paths() -> set[str]:
    """Return the paths without parameters, which a browser can request directly."""
    return {call.path for call in calls() if call.method == "GET" and "{" not in call.path}


def _shape(path: str) -> str:
    """Write a route's path as the documentation does: ``/v1/endpoints/{id}``."""
    return re.sub(r"\{[^}]*\}", "{id}", path)
