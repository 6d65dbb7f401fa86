"""Builds the bridge to karrio: its processes, and what makes its requests through the guard."""

from collections.abc import Sequence
from typing import Final

import structlog

from waypost.actions.rooms import Room
from waypost.app.sending import make_guard, user_agent
from waypost.dispatch.guard import Admitted
from waypost.dispatch.transport import certificates_in
from waypost.domain.attempts import ERRORS
from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.ip_addresses import IPAddress
from waypost.domain.targets import Target
from waypost.settings import Settings
from waypost.sources.http import FencedHttp
from waypost.sources.karrio.bridge import Bridge
from waypost.sources.karrio.processes import KarrioProcesses

_LOG: Final = structlog.get_logger()


def make_bridge(settings: Settings) -> Bridge | None:
    """Return the bridge; None if no interpreter is set. No process is started before the first question.

    An account holds all processes but one at most, and accounts take turns.
    """
    if settings.karrio_python is None:
        return None
    if not settings.karrio_python.exists():
        _LOG.warning("karrio_missing", python=str(settings.karrio_python))
    guard = make_guard(settings)

    async def admit(url: str) -> tuple[Target, Sequence[IPAddress]]:
        found = await guard.admit(url)
        if not isinstance(found, Admitted):
            reason = ERRORS[found].rstrip(".")
            raise CarrierUnavailable(f"karrio's request was not made: {reason[:1].lower()}{reason[1:]}")
        return found.target, found.addresses

    authorities = None if settings.ca_bundle is None else settings.ca_bundle.read_bytes()
    http = FencedHttp(admit, user_agent=user_agent(settings.contact), authorities=certificates_in(authorities))
    most = settings.karrio_processes
    room = Room(of_one=max(1, most - 1), of_all=most)
    return Bridge(KarrioProcesses(settings.karrio_python), http, room.hold)
