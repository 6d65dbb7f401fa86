"""A stand-in for karrio: Waypost's own worker script, with a package ``karrio`` of the tests'."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from waypost.actions.rooms import Room
from waypost.domain.ip_addresses import IPAddress
from waypost.domain.targets import EVERY_PORT, Target, parse_target
from waypost.sources.http import FencedHttp
from waypost.sources.karrio.bridge import Bridge
from waypost.sources.karrio.processes import KarrioProcesses

STAND_IN: Final = Path(__file__).with_name("stand_in.py")
"""A worker whose karrio does what the number says; the credential ``api_key`` is the URL that it asks."""

WITHOUT_KARRIO: Final = Path(__file__).with_name("without.py")
"""A worker in an environment without karrio."""


async def to_loopback(url: str) -> tuple[Target, Sequence[IPAddress]]:
    """Admit this machine only, and call it by any name."""
    return parse_target(url, ports=EVERY_PORT), [ip_address("127.0.0.1")]


@asynccontextmanager
async def bridging(
    worker: Path = STAND_IN, *, python: str = sys.executable, ask_seconds: float = 60, slack_seconds: float = 60
) -> AsyncIterator[tuple[Bridge, KarrioProcesses]]:
    started = KarrioProcesses(Path(python), worker=worker, slack_seconds=slack_seconds)
    room = Room(of_one=1, of_all=2)
    bridge = Bridge(started, FencedHttp(to_loopback, user_agent="Waypost/0"), room.hold, ask_seconds=ask_seconds)
    try:
        yield bridge, started
    finally:
        await bridge.close()
