"""HTTP clients that post the same signed bodies over the same number of kept connections to the same receiver.

``python -m benchmarks.rivals.clients NAME PORT PARCELS CONNECTIONS`` prints one JSON object. Every client is asked for
what a delivery needs: it connects to the address that was checked, whatever the name of the URL resolves to, follows no
redirect, and reads the head and the body of the response.
"""

import asyncio
import importlib
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any, Final

import uvloop

from benchmarks.load import bodies
from waypost.dispatch.answers import Answer
from waypost.dispatch.transport import READ_BYTES, PyreqwestTransport
from waypost.domain.targets import Ports, parse_target
from waypost.signing.rotation import Secrets, standard_headers, v4_headers

HOST: Final = "receiver.test"
"""Resolves to nothing: a client that asks for it, instead of taking the address, fails."""
ADDRESS: Final = "127.0.0.1"
SECONDS: Final = 15.0
_SECRETS: Final = Secrets("whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=")
_WARM_UP: Final = 500

Headers = tuple[tuple[str, str], ...]
Post = Callable[[Headers, bytes], Awaitable[int]]
"""Post once; return the status after the body of the response has been read."""


@asynccontextmanager
async def pyreqwest(port: int, _connections: int) -> AsyncIterator[Post]:
    """Yield what Waypost sends with, ``dispatch/transport.py``."""
    transport = PyreqwestTransport()
    target, address = parse_target(_url(port), ports=Ports.parse("1-65535")), ip_address(ADDRESS)

    async def post(headers: Headers, body: bytes) -> int:
        answer = await transport.post(target, address, headers, body, deadline_seconds=SECONDS)
        if not isinstance(answer, Answer):
            raise ConnectionError(answer.outcome)
        return answer.status_code

    yield post


@asynccontextmanager
async def aiohttp(port: int, connections: int) -> AsyncIterator[Post]:
    library: Any = importlib.import_module("aiohttp")
    of_names: Any = importlib.import_module("aiohttp.abc")

    class Pinned(of_names.AbstractResolver):  # type: ignore[misc] # the library is not there when types are checked
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[dict[str, object]]:
            return [{"hostname": host, "host": ADDRESS, "port": port, "family": family, "proto": 0, "flags": 0}]

        async def close(self) -> None:
            pass

    connector = library.TCPConnector(resolver=Pinned(), limit=connections, use_dns_cache=False)
    limits = library.ClientTimeout(total=SECONDS)
    async with library.ClientSession(connector=connector, timeout=limits, auto_decompress=False) as session:
        url = _url(port)

        async def post(headers: Headers, body: bytes) -> int:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                await response.content.read(READ_BYTES)
                return int(response.status)

        yield post


@asynccontextmanager
async def httpcore2(port: int, connections: int) -> AsyncIterator[Post]:
    """Yield the transport below httpx2; httpx2 itself lets nobody choose the address by public means."""
    library: Any = importlib.import_module("httpcore2")
    default = library.AnyIOBackend()

    class Pinned(library.AsyncNetworkBackend):  # type: ignore[misc] # as above
        async def connect_tcp(self, host: str, *args: Any, **options: Any) -> Any:
            del host
            return await default.connect_tcp(ADDRESS, *args, **options)

        async def sleep(self, seconds: float) -> None:
            await default.sleep(seconds)

    async with library.AsyncConnectionPool(network_backend=Pinned(), max_connections=connections) as pool:
        url = _url(port)
        extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)}

        async def post(headers: Headers, body: bytes) -> int:
            sent = [(b"host", f"{HOST}:{port}".encode()), (b"content-length", str(len(body)).encode())]
            sent += [(name.encode(), value.encode()) for name, value in headers]
            response = await pool.request("POST", url, headers=sent, content=body, extensions=extensions)
            return int(response.status)

        yield post


@asynccontextmanager
async def niquests(port: int, connections: int) -> AsyncIterator[Post]:
    library: Any = importlib.import_module("niquests")
    pinned = f"in-memory://default?hosts={HOST}:{ADDRESS}"
    async with library.AsyncSession(
        resolver=pinned, pool_maxsize=connections, pool_connections=1, disable_http2=True, disable_http3=True
    ) as session:
        url = _url(port)

        async def post(headers: Headers, body: bytes) -> int:
            response = await session.post(url, data=body, headers=dict(headers), allow_redirects=False, timeout=SECONDS)
            return int(response.status_code)

        yield post


@asynccontextmanager
async def curl_cffi(port: int, connections: int) -> AsyncIterator[Post]:
    library: Any = importlib.import_module("curl_cffi")
    pinned = {library.CurlOpt.RESOLVE: [f"{HOST}:{port}:{ADDRESS}"]}
    async with library.AsyncSession(curl_options=pinned, max_clients=connections, default_headers=False) as session:
        url = _url(port)

        async def post(headers: Headers, body: bytes) -> int:
            response = await session.post(url, data=body, headers=dict(headers), allow_redirects=False, timeout=SECONDS)
            return int(response.status_code)

        yield post


CLIENTS: Final = {one.__name__: one for one in (pyreqwest, aiohttp, httpcore2, niquests, curl_cffi)}


async def measure(name: str, port: int, parcels: int, connections: int) -> dict[str, float]:
    """Post all bodies once, after a warm-up; return how many, their seconds, and those of the processor."""
    texts = [(_headers(place, body), body) for place, body in enumerate(bodies(range(parcels)))]
    async with CLIENTS[name](port, connections) as post:
        await _post_all(post, texts[:_WARM_UP], connections)
        began, used = time.perf_counter(), time.process_time()
        await _post_all(post, texts, connections)
        return {
            "posts": len(texts),
            "seconds": time.perf_counter() - began,
            "processor_seconds": time.process_time() - used,
        }


async def _post_all(post: Post, texts: list[tuple[Headers, bytes]], connections: int) -> None:
    waiting = iter(texts)

    async def work() -> None:
        for headers, body in waiting:
            if (status := await post(headers, body)) != 200:  # noqa: PLR2004 - the only one the receiver knows
                raise ConnectionError(status)

    await asyncio.gather(*(work() for _ in range(connections)))


def _url(port: int) -> str:
    return f"http://{HOST}:{port}/hook"


def _headers(place: int, body: bytes) -> Headers:
    now = int(time.time())
    return (
        ("content-type", "application/json"),
        ("accept", "*/*"),
        ("accept-encoding", "identity"),
        ("user-agent", "Waypost/0 (benchmark)"),
        *v4_headers(_SECRETS, now),
        *standard_headers(_SECRETS, f"evt_{place:032x}", now, body),
        ("waypost-attempt", "1"),
        ("waypost-sequence", "1"),
    )


if __name__ == "__main__":
    print(json.dumps(uvloop.run(measure(sys.argv[1], *map(int, sys.argv[2:])))))
