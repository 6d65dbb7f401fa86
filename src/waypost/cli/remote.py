"""Calls the API of a running Waypost, for the commands that need no database.

The client is the standard library's: these commands send one request at a time, use no proxy and follow no redirect.
``dispatch.transport`` sends only deliveries, and only to addresses that a guard has checked.
"""

import http.client
import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, urlsplit

from cyclopts import Parameter

from waypost.cli.terminal import printable
from waypost.domain.errors import InvalidInput

Url = Annotated[str, Parameter(env_var="WAYPOST_URL", help="The server's URL.")]
Key = Annotated[
    str | None,
    Parameter(
        env_var="WAYPOST_API_KEY",
        help="An API key of the account. Set it in WAYPOST_API_KEY to hide it from other users.",
    ),
]
DEFAULT_URL: Final = "http://127.0.0.1:8080"

_SHOWN: Final = 300
_LARGEST_ANSWER: Final = 64 << 20
_COMES_BACK: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)})


class NotReached(Exception):
    """The server did not respond, or can't at the moment; the text is the reason."""


class CallRefused(Exception):
    """The server rejected the call; the text is the reason."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Remote:
    """A server, called with an account's key; each call opens a connection."""

    def __init__(self, url: str, key: str | None, *, timeout_seconds: float = 30) -> None:
        self._where = read_url("url", url)
        if not key:
            raise InvalidInput("key", "is missing: set WAYPOST_API_KEY, or give --key")
        if not (key.isascii() and key.isprintable()):
            raise InvalidInput("key", "has characters that no API key has")
        self._key = key
        self._timeout = timeout_seconds

    def get(self, path: str) -> Any:
        """Return the JSON at a path. Raise NotReached and Refused."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: object) -> Any:
        """Post a body and return the JSON of the response. Raise NotReached and Refused."""
        return self._ask("POST", path, json.dumps(body).encode())

    def clock(self) -> datetime:
        """Return the server's time, to the second, or this machine's if the response has none. Raise NotReached."""
        connection = connect_to(self._where, self._timeout)
        try:
            connection.request("GET", self._where.path.rstrip("/") + "/health/ready")
            return parsedate_to_datetime(connection.getresponse().headers["date"])
        except (ValueError, TypeError):
            return datetime.now(UTC)
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from None
        finally:
            connection.close()

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        status, answer = self._exchange(method, path, body)
        try:
            value = json.loads(answer)
        except (ValueError, RecursionError):
            raise NotReached(f"{self._name} returned {status} without JSON. Is it a Waypost server?") from None
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return value
        reason = _reason(status, value)
        raise NotReached(f"{self._name}: {reason}") if status in _COMES_BACK else CallRefused(status, reason)

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        connection = connect_to(self._where, self._timeout)
        headers = {"tracking-api-key": self._key, "accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        try:
            connection.request(method, self._where.path.rstrip("/") + path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(_LARGEST_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from None
        finally:
            connection.close()

    def _silent(self, error: Exception) -> NotReached:
        return NotReached(f"{self._name} can't be reached: {printable(str(error) or type(error).__name__)}.")

    @property
    def _name(self) -> str:
        return f"{self._where.scheme}://{self._where.netloc}"


def read_url(field: str, url: str) -> SplitResult:
    """Return the parts of a URL to call. Raise InvalidInput that names the field."""
    wanted = "must be a URL such as http://127.0.0.1:8080, without a name or password in it"
    try:
        where = urlsplit(url)
        port = where.port
    except ValueError:
        raise InvalidInput(field, wanted) from None
    if where.scheme not in ("http", "https") or not where.hostname or where.username is not None or port == 0:
        raise InvalidInput(field, wanted)
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise InvalidInput(field, "must be ASCII without spaces")
    return where


def connect_to(where: SplitResult, timeout_seconds: float) -> http.client.HTTPConnection:
    """Return an unopened connection to this host itself, whatever proxies the environment names."""
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    return kind(where.hostname or "", where.port, timeout=timeout_seconds)


def _reason(status: int, value: object) -> str:
    """Return the sentence of a problem, with the errors of its fields."""
    problem = value if isinstance(value, dict) else {}
    errors = problem.get("errors") or []
    meta = problem.get("meta")
    said = problem.get("detail") or (meta.get("message") if isinstance(meta, dict) else None)  # v1's, v4's
    fields = [f"{one.get('field')} {one.get('message')}" for one in errors if isinstance(one, dict)]
    return printable(f"{'; '.join(fields) or said or 'no reason given'} ({status})"[:_SHOWN])
