"""Posts an event to a local program, with the bytes and headers that a delivery of it would have."""

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult

from waypost.cli.remote import NotReached, connect_to, printable
from waypost.payloads.ascii_json import encode
from waypost.payloads.v4 import SUCCESS
from waypost.signing.rotation import Secrets, standard_headers, v4_headers

_SECONDS: Final = 15
_READ_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What the program answered; ``status`` None: nothing that is HTTP."""

    status: int | None
    milliseconds: int
    error: str | None = None

    @property
    def taken(self) -> bool:
        """Whether it counts as delivered."""
        return self.status is not None and http.HTTPStatus.OK <= self.status < http.HTTPStatus.MULTIPLE_CHOICES


def body_of(item: Mapping[str, Any]) -> bytes:
    """Give the V4 body of an event of the feed: the very bytes of its delivery."""
    return encode({"code": 200, "message": SUCCESS, "data": item["data"]})


class Forwarder:
    """Posts to one URL and nowhere else: what redirects is not followed."""

    def __init__(self, where: SplitResult, secret: str, user_agent: str) -> None:
        self._where = where
        self._secrets = Secrets(secret)
        self._user_agent = user_agent

    def post(self, item: Mapping[str, Any], attempt: int) -> Answer:
        """Post an event and give the answer. Raises NotReached when nothing listens there."""
        body, now = body_of(item), int(time.time())
        headers = (
            ("content-type", "application/json"),
            ("accept", "*/*"),
            ("accept-encoding", "identity"),
            ("user-agent", self._user_agent),
            *v4_headers(self._secrets, now),
            *standard_headers(self._secrets, item["id"], now, body),
            ("waypost-attempt", str(attempt)),
            ("waypost-sequence", str(item["sequence"])),
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
            return Answer(answer.status, _since(begun))
        except (OSError, http.client.HTTPException) as error:
            return Answer(None, _since(begun), printable(str(error) or type(error).__name__))
        finally:
            connection.close()


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
