"""Error responses of v1: problems (RFC 9457) that name each invalid field and the reason."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import msgspec

from waypost.actions.refusals import Busy, Conflict, Invalid, Refusal, TooManyWaiting, Unavailable
from waypost.domain.errors import InvalidInput

MEDIA_TYPE: Final = "application/problem+json"
INVALID: Final = "invalid_request"
AGAIN_SECONDS: Final = 1
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

# RFC 9110 has other names for these than older versions of Python.
_TITLES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}

_ADVICE: Final = {"endpoint_exists": " Set allow_duplicate to true to allow that."}
"""What can be done about a conflict by the same call."""

_TEMPORARY: Final = frozenset({"still_running"})
"""Conflicts that end without the caller doing anything."""


class FieldError(msgspec.Struct, frozen=True):
    """A field, as in ``statuses[0]``, and what is wrong with it."""

    field: str
    message: str


class ProblemBody(msgspec.Struct, frozen=True):
    """The JSON of a problem."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: Sequence[FieldError] = ()


class Problem(Exception):
    """The request failed; nothing was changed. ``code`` is for programs, ``detail`` is one sentence for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] = NOTHING,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers

    def render(self) -> bytes:
        """Return the JSON, one line."""
        title = _TITLES.get(self.status) or HTTPStatus(self.status).phrase
        body = ProblemBody("about:blank", title, self.status, self.code, self.detail, self.errors)
        return msgspec.json.encode(body) + b"\n"


def invalid(errors: Sequence[FieldError]) -> Problem:
    """Return the problem for invalid fields; ``errors`` is not empty."""
    named = ", ".join(dict.fromkeys(error.field for error in errors[:3]))
    detail = f"Invalid: {named}{' and others' if len(errors) > 3 else ''}. Nothing was changed."  # noqa: PLR2004 - as many as `named` has
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, INVALID, detail, errors=errors)


def of_input(error: InvalidInput, *, below: str = "") -> FieldError:
    """Return a domain error as a field error; ``below`` is the path in the body, such as ``updates[3].``."""
    return FieldError(below + error.field, error.message)


_LATER: Final[Mapping[type[Refusal], tuple[int, str]]] = {
    TooManyWaiting: (HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests"),
    Busy: (HTTPStatus.SERVICE_UNAVAILABLE, "overloaded"),
    Unavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
}


def problem_of(refusal: Refusal) -> Problem:
    """Return the problem for an action's refusal."""
    match refusal:
        case Invalid():
            return invalid([FieldError(fault.field, fault.message) for fault in refusal.faults])
        case Conflict(code=code) if code in _TEMPORARY:
            return later(HTTPStatus.CONFLICT, code, refusal.sentence)
        case Conflict():
            advice = _ADVICE.get(refusal.code, "")
            return Problem(HTTPStatus.CONFLICT, refusal.code, refusal.sentence + advice)
        case Busy() | Unavailable():
            status, code = _LATER[type(refusal)]
            return later(status, code, refusal.sentence)
        case _:
            return Problem(HTTPStatus.NOT_FOUND, "not_found", refusal.sentence)


def later(status: int, code: str, detail: str, *, seconds: int = AGAIN_SECONDS) -> Problem:
    """Return the problem for a request that can succeed after this many seconds."""
    return Problem(status, code, detail, headers={"retry-after": str(seconds)})
