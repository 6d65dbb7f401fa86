"""A client for the load, on persistent connections. It must be cheap, because it runs on the measured cores."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import msgspec
from pyreqwest.client import ClientBuilder

_FIRST_ERROR = 300


class Client:
    """Speaks JSON to one program on loopback."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._url = url
        self._headers = dict(headers or {})
        self._client = ClientBuilder().http1_only().no_proxy().build()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def get(self, path: str) -> Any:
        return msgspec.json.decode(await self.text(path))

    async def text(self, path: str) -> str:
        response = await self._client.get(self._url + path).build().send()
        return await response.text()

    async def post(self, path: str, body: object) -> Any:
        return await self.post_bytes(path, msgspec.json.encode(body))

    async def post_bytes(self, path: str, body: bytes) -> Any:
        request = self._client.post(self._url + path).header("content-type", "application/json")
        for name, value in self._headers.items():
            request = request.header(name, value)
        response = await request.body_bytes(body).build().send()
        if response.status >= _FIRST_ERROR:
            raise ConnectionError(f"{path}: {response.status} {await response.text()}")
        return msgspec.json.decode(bytes(await response.bytes()))

    async def post_signed(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Post a body with headers of its own, and nothing else. Raise ConnectionError unless it is accepted."""
        request = self._client.post(self._url + path)
        for name, value in headers.items():
            request = request.header(name, value)
        response = await request.body_bytes(body).build().send()
        if response.status >= _FIRST_ERROR:
            raise ConnectionError(f"{response.status} {await response.text()}")
