"""A program on loopback, called with JSON; proxies of the environment are ignored, and redirects not followed."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from examples.demo.failures import DemoFailed, Unreachable

_SECONDS: Final = 30
_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Site:
    """Where a program listens, and the headers that it needs."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Any:
        """Return the JSON at a path. Raise DemoFailed for any status but 2xx, and Unreachable without a response."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Post a body and return the JSON of the response. Raise as ``get``."""
        return self._ask("POST", path, json.dumps(body).encode())

    def status(self, path: str) -> int | None:
        """Return the status of the response to a path; None without a response."""
        try:
            return self._exchange("GET", path, None)[0]
        except Unreachable:
            return None

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        status, answer = self._exchange(method, path, body)
        shown = answer[:_SHOWN].decode("utf-8", "replace")
        if not http.HTTPStatus.OK <= status < http.HTTPStatus.MULTIPLE_CHOICES:
            raise DemoFailed(f"{method} {self.url}{path} was answered {status}: {shown}")
        try:
            return json.loads(answer)
        except ValueError as error:
            raise DemoFailed(f"{method} {self.url}{path} was answered with what is no JSON: {shown}") from error

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=_SECONDS)
        kind = {"content-type": "application/json"} if body is not None else {}
        try:
            connection.request(method, path, body, {**self.headers, **kind})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{method} {self.url}{path} was not answered: {error}") from error
        finally:
            connection.close()
