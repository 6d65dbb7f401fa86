"""Reports to a dead man's switch that Waypost as a whole works: it raises the alarm when the reports stop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from waypost.alerts.posting import Poster
from waypost.alerts.services import ServiceCall
from waypost.rest import set_within

_LOG: Final = structlog.get_logger()
EVERY_SECONDS: Final = 60.0


class Heartbeat:
    """Posts to ``url`` every minute while ``ready`` returns None."""

    def __init__(self, poster: Poster, url: str, ready: Callable[[], Awaitable[str | None]]) -> None:
        self._poster = poster
        self._call = ServiceCall(url, (("content-type", "text/plain"),), b"")
        self._ready = ready

    async def serve(self, stop: asyncio.Event) -> None:
        """Send heartbeats until ``stop`` is set."""
        while not stop.is_set():
            await self.beat()
            await set_within(stop, EVERY_SECONDS)

    async def beat(self) -> bool:
        """Post once if Waypost is ready; return whether it was accepted."""
        if await self._ready() is not None:
            return False
        result = await self._poster.post(self._call)
        if not result.is_sent:
            _LOG.warning("heartbeat_failed", answer=result.answer)
        return result.is_sent
