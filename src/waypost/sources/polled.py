"""All carriers that can be polled: those with an adapter of Waypost's own, and those of the bridge to karrio."""

from waypost.sources import carriers
from waypost.sources.carriers.carrier import Carrier
from waypost.sources.karrio.table import bridged


def every(*, with_bridge: bool) -> tuple[Carrier, ...]:
    """Return the carriers, Waypost's own first; those of the bridge only where it is set up."""
    return (*carriers.carriers(), *(bridged() if with_bridge else ()))


def find(name: str) -> Carrier | None:
    """Return the carrier with that name, or None; also one of the bridge, whether it is set up or not."""
    return next((carrier for carrier in every(with_bridge=True) if carrier.name == name), None)


def courier_codes(*, with_bridge: bool) -> dict[str, frozenset[str]]:
    """Return the courier codes that each carrier answers for, by its name."""
    return {carrier.name: carrier.courier_codes for carrier in every(with_bridge=with_bridge)}


def pollable_codes(*, with_bridge: bool) -> frozenset[str]:
    """Return every courier code that some carrier can be asked for, once somebody has connected it."""
    return frozenset(code for answered in courier_codes(with_bridge=with_bridge).values() for code in answered)
