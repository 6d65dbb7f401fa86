"""Answers as bytes: JSON that is encoded once, with the headers that every answer carries."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from litestar import Response

from waypost.api.problems import MEDIA_TYPE, NOTHING, Problem

JSON: Final = "application/json"
_ALWAYS: Final = {"x-content-type-options": "nosniff", "cache-control": "no-store"}


def answer(value: object, status: int = HTTPStatus.OK) -> Response[bytes]:
    """Give a value as JSON."""
    return answer_bytes(msgspec.json.encode(value), status)


def answer_bytes(
    body: bytes, status: int = HTTPStatus.OK, *, media_type: str = JSON, headers: Mapping[str, str] = NOTHING
) -> Response[bytes]:
    """Give bytes as they are."""
    return Response(body, status_code=status, media_type=media_type, headers={**_ALWAYS, **headers})


def nothing() -> Response[None]:
    """Give the answer to a deletion: 204 without a body."""
    return Response(None, status_code=HTTPStatus.NO_CONTENT, headers=_ALWAYS)


def answer_problem(problem: Problem) -> Response[bytes]:
    """Give a problem."""
    return answer_bytes(problem.render(), problem.status, media_type=MEDIA_TYPE, headers=problem.headers)
