"""Connects to the hosts of a database URL, one after the other, each for a limited time."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg
from asyncpg import TargetServerAttributeNotMatched

from waypost.store.trouble import LOST, TimedOut, Unreachable

CONNECT_SECONDS: Final = 5.0
"""How long one host may take to let us in: a frozen one accepts the connection and then says nothing."""


class Hosts:
    """The hosts of a URL. The host that let us in last is tried first.

    Among several hosts the one that accepts writes is used, unless the URL says otherwise.
    """

    def __init__(self, url: str, *, connect_seconds: float = CONNECT_SECONDS) -> None:
        self._urls = one_host_each(url)
        self._seconds = connect_seconds
        self._last = 0

    @property
    def most_seconds(self) -> float:
        """The maximum time to try all of them."""
        return self._seconds * len(self._urls)

    async def connect(self, *_url: Any, **options: Any) -> asyncpg.Connection:
        """Connect, as a pool asks for it. Raise the error of the last host that was tried."""
        first, count = self._last, len(self._urls)
        error: BaseException | None = None
        for index in [*range(first, count), *range(first)]:
            try:
                connection: asyncpg.Connection = await asyncpg.connect(
                    self._urls[index], timeout=self._seconds, **options
                )
            except (*LOST, OSError) as failed:
                error = _better(error, _as_lost(failed))
                self._last = (index + 1) % count  # others who connect meanwhile need not wait for this host as well
            except asyncio.CancelledError:
                self._last = (index + 1) % count  # callers with little time still reach the next host in the end
                raise
            else:
                self._last = index
                return connection
        raise error or Unreachable("The URL names no host.")


def one_host_each(url: str) -> list[str]:
    """Return the URL once for each of its hosts, with ``target_session_attrs`` if there are several."""
    parts = urlsplit(url)
    user, at, places = parts.netloc.rpartition("@")
    query = parse_qsl(parts.query, keep_blank_values=True)
    options = dict(query)
    if "," in places:
        split = [(user + at + place, query) for place in places.split(",")]
    elif "," in options.get("host", ""):
        hosts, ports = options["host"].split(","), options.get("port", "").split(",")
        ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
        others = [(name, value) for name, value in query if name not in ("host", "port")]
        split = [
            (parts.netloc, [*others, ("host", host), *([("port", port)] if port else [])])
            for host, port in zip(hosts, ports, strict=True)
        ]
    else:
        return [url]
    writable: Iterable[tuple[str, str]] = (
        () if "target_session_attrs" in options else (("target_session_attrs", "read-write"),)
    )
    return [f"{parts.scheme}://{netloc}{parts.path}?{urlencode([*options, *writable])}" for netloc, options in split]


def _as_lost(error: BaseException) -> BaseException:
    """Return an error of ``LOST`` for what kept a connection from being made."""
    if isinstance(error, LOST):
        return error
    lost = TimedOut("no answer in time") if isinstance(error, TimeoutError) else Unreachable(*error.args)
    lost.__cause__ = error
    return lost


def _better(one: BaseException | None, other: BaseException) -> BaseException:
    """Return the more informative error: why a host rejects, over that it is a standby, over that it is silent."""
    return other if one is None or _tells(other) > _tells(one) else one


def _tells(error: BaseException) -> int:
    if isinstance(error, ConnectionError):
        return 0
    return 1 if isinstance(error, TargetServerAttributeNotMatched) else 2
