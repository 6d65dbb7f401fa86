"""Responses as bytes: JSON encoded once, with the headers of every response.

Version 1 of the API ends its JSON with a line feed, so that a terminal's prompt begins on a line of its own. Version 4
doesn't: its bytes are TrackingMore's.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Response
from litestar.response import Stream

from waypost.api.problems import MEDIA_TYPE, NOTHING, Problem

JSON: Final = "application/json"
LARGEST_PAGE: Final = 4 << 20
"""A page with a cursor ends at this many bytes."""
LARGEST_PIECE: Final = 1 << 18
"""A larger list goes out in pieces of about this size."""

_ALWAYS: Final = {"x-content-type-options": "nosniff", "cache-control": "no-store"}


def answer(value: object, status: int = HTTPStatus.OK) -> Response[bytes]:
    """Return a value as a JSON response, one line."""
    return answer_bytes(msgspec.json.encode(value) + b"\n", status)


def answer_bytes(
    body: bytes, status: int = HTTPStatus.OK, *, media_type: str = JSON, headers: Mapping[str, str] = NOTHING
) -> Response[bytes]:
    """Return bytes as a response, unchanged."""
    return Response(body, status_code=status, media_type=media_type, headers={**_ALWAYS, **headers})


def answer_secret(value: object, status: int = HTTPStatus.OK) -> Response[bytes]:
    """Return a value that contains a secret as JSON that no proxy may compress."""
    return answer_bytes(msgspec.json.encode(value) + b"\n", status, headers={"cache-control": "no-store, no-transform"})


def nothing() -> Response[None]:
    """Return the response to a deletion: 204 without a body."""
    return Response(None, status_code=HTTPStatus.NO_CONTENT, headers=_ALWAYS)


def answer_problem(problem: Problem) -> Response[bytes]:
    """Return the response for a problem."""
    return answer_bytes(problem.render(), problem.status, media_type=MEDIA_TYPE, headers=problem.headers)


async def first_piece(items: AsyncIterator[bytes]) -> list[bytes]:
    """Return the first items of a page that fit into ``LARGEST_PAGE`` bytes, but at least one if there is any."""
    taken: list[bytes] = []
    size = 0
    async for item in items:
        size += len(item) + 1
        if taken and size > LARGEST_PAGE:
            break
        taken.append(item)
    return taken


def answer_list(
    before: bytes, items: Sequence[bytes], after: bytes, more: AsyncIterator[bytes] | None
) -> Response[Any]:
    """Return JSON with a list of encoded items; those from ``more`` are streamed."""
    if more is None and sum(map(len, items)) <= LARGEST_PIECE:
        return answer_bytes(b"".join((before, b",".join(items), after)))

    async def pieces() -> AsyncIterator[bytes]:
        piece, size = [before], 0
        for place, item in enumerate(items):
            piece += (b",", item) if place else (item,)
            size += len(item)
            if size > LARGEST_PIECE:
                yield b"".join(piece)
                piece, size = [], 0
        yield b"".join(piece)
        if more is not None:
            async for item in more:
                yield b"," + item
        yield after

    return Stream(pieces(), media_type=JSON, headers=dict(_ALWAYS))
