"""What the formats of all carriers have in common."""

import time
from abc import ABC, abstractmethod
from base64 import b64decode
from collections.abc import Mapping, Sequence
from secrets import token_urlsafe
from typing import ClassVar, Final

from examples.carriers.journeys import Route, Sight
from examples.carriers.wire import Reply, Request

WRONG: Final = "wrong"
"""A credential that contains this is refused; any other one is accepted."""
_TOKEN_SECONDS: Final = 3600


class Format(ABC):
    """How a carrier is asked, and how it answers; ``name`` is Waypost's for the carrier."""

    routes: ClassVar[Sequence[Route]]
    token_path: ClassVar[str | None] = None
    """Where tokens are issued, for carriers that want one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.token_seconds = _TOKEN_SECONDS
        self._tokens: dict[str, float] = {}

    @abstractmethod
    def numbers(self, request: Request) -> list[str] | None:
        """Return the numbers that a request asks for, or None if it is none of the carrier's questions."""

    @abstractmethod
    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """Return the answer for these numbers, in the order in which they were asked; None for unknown ones."""

    @abstractmethod
    def is_allowed(self, request: Request) -> bool:
        """Return whether a request comes with a credential that is accepted."""

    @abstractmethod
    def refusal(self) -> Reply:
        """Return the answer to a credential that is not accepted."""

    @abstractmethod
    def trouble(self, status: int) -> Reply:
        """Return the carrier's own error for 429, 500 or 503."""

    def other(self, request: Request) -> Reply | None:  # noqa: ARG002 - carriers have no such calls
        """Return the response to a call that is not about a parcel's progress; None if there is no such call."""
        return None

    def token(self, request: Request) -> Reply:
        """Return the answer to a request for a token."""
        raise NotImplementedError(f"{self.name} issues no tokens: {request.path}")

    def issue(self) -> str:
        """Return a new token that is valid for ``token_seconds``."""
        token = token_urlsafe(24)
        self._tokens[token] = time.monotonic() + self.token_seconds
        return token

    def forget_tokens(self) -> None:
        """Make every token that was issued worth nothing, as if it had expired."""
        self._tokens.clear()

    def has_token(self, request: Request) -> bool:
        """Return whether a request bears a token that was issued here and has not expired."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self._tokens.get(bearer, 0.0) > time.monotonic()


def is_right(*credentials: str) -> bool:
    """Return whether credentials are accepted: all of them are there, and none is wrong."""
    return all(credentials) and not any(WRONG in one for one in credentials)


def basic(request: Request) -> tuple[str, str]:
    """Return user and password of a request (RFC 7617), both empty if there are none."""
    kind, _, coded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        user, _, password = b64decode(coded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return user, password
