"""Posts an event to a local program, with the bytes and headers of a delivery."""

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult

from waypost.cli.listening.rendering import webhook
from waypost.cli.remote import NotReached, connect_to
from waypost.cli.terminal import printable
from waypost.domain.endpoints import Version

_SECONDS: Final = 15
_READ_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The response of the developer's program to a forwarded event; ``status`` None if it was not HTTP."""

    status: int | None
    milliseconds: int
    error: str | None = None


class Forwarder:
    """Posts to one URL and nowhere else: redirects are not followed."""

    def __init__(self, where: SplitResult, version: Version, *, secret: str, email: str, user_agent: str) -> None:
        self._where = where
        self._version = version
        self._secret = secret
        self._email = email
        self._user_agent = user_agent

    def post(self, item: Mapping[str, Any], attempt: int) -> Forwarded:
        """Post an event and return the response. Raise NotReached if nothing listens there."""
        body, signed = webhook(
            self._version, item, secret=self._secret, email=self._email, attempt=attempt, now=int(time.time())
        )
        headers = (
            ("content-type", "application/json"),
            ("accept", "*/*"),
            ("accept-encoding", "identity"),
            ("user-agent", self._user_agent),
            *signed,
        )
        connection = connect_to(self._where, _SECONDS)
        try:
            connection.connect()
        except OSError as error:
            raise NotReached(
                f"{self._where.geturl()} is not there: {printable(error.strerror or str(error))}"
            ) from None
        begun = time.monotonic()
        try:
            path = self._where._replace(scheme="", netloc="", fragment="").geturl()
            connection.request("POST", path or "/", body, dict(headers))
            answer = connection.getresponse()
            answer.read(_READ_BYTES)
            return Forwarded(answer.status, _since(begun))
        except (OSError, http.client.HTTPException) as error:
            return Forwarded(None, _since(begun), printable(str(error) or type(error).__name__))
        finally:
            connection.close()


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
