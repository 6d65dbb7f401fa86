"""The envelope of every v4 answer: ``meta`` with exactly ``code`` and ``message``, and ``data``, null on errors.

The codes are TrackingMore's. Successes are always HTTP 200: TrackingMore's clients accept no other.
"""

from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Response

from waypost.api.problems import Problem
from waypost.api.responses import answer_bytes, answer_list
from waypost.payloads.ascii_json import encode
from waypost.payloads.v4 import SUCCESS

ALREADY_EXISTS: Final = 4101
NO_SUCH_TRACKING: Final = 4102
TOO_MANY_NUMBERS: Final = 4103
INVALID_NUMBER: Final = 4110
NUMBER_REQUIRED: Final = 4111
INVALID_ID: Final = 4112
NOT_EXPIRED: Final = 4113
INVALID_COURIER: Final = 4120
COURIER_UNDETECTED: Final = 4121
FACT_REQUIRED: Final = 4122
INVALID_FORMAT: Final = 4130
QUOTA_REACHED: Final = 4190
INVALID_AWB: Final = 4160
UNSUPPORTED_AIRLINE: Final = 4161
SERVER_ERROR: Final = 511


class Meta(msgspec.Struct, frozen=True):
    """The result of the call."""

    code: int
    message: str


class Envelope(msgspec.Struct, frozen=True):
    """A whole answer."""

    meta: Meta
    data: object


class CodedError(Exception):
    """The call can't be done; nothing was changed. ``code`` is one of TrackingMore's, sent with HTTP 400."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def answer_success(data: object) -> Response[bytes]:
    """Return a success."""
    return answer_bytes(encode(Envelope(Meta(HTTPStatus.OK, SUCCESS), data)))


def answer_list_success(items: Sequence[bytes], more: AsyncIterator[bytes] | None) -> Response[Any]:
    """Return a success with a list, as ``answers.answer_list`` does."""
    whole = encode(Envelope(Meta(HTTPStatus.OK, SUCCESS), []))
    return answer_list(whole.removesuffix(b"]}"), items, b"]}", more)


def answer_error(error: CodedError) -> Response[bytes]:
    """Return an error with one of TrackingMore's codes."""
    return answer_bytes(encode(Envelope(Meta(error.code, error.message), None)), HTTPStatus.BAD_REQUEST)


def answer_problem(problem: Problem) -> Response[bytes]:
    """Return an error that any call can have: a missing key, an unknown path, an internal error."""
    status = HTTPStatus(problem.status)
    code = SERVER_ERROR if status is HTTPStatus.INTERNAL_SERVER_ERROR else status
    return answer_bytes(encode(Envelope(Meta(int(code), problem.detail), None)), status, headers=problem.headers)
