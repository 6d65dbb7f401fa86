"""The carriers that can be asked, one folder each: what it is, its calls, how its answers are read, and its codes.

``CARRIERS`` lists the folders; each package says in ``CARRIER`` what it is. A new carrier is a folder and a line here.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Final, cast

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Reading
from waypost.sources.carriers.carrier import Carrier

CARRIERS: Final = (
    "dhl",
    "fedex",
    "gls",
    "laposte",
    "ups",
    "usps",
    "royal_mail",
    "hermes_de",
    "australia_post",
    "postnl",
    "canada_post",
    "postnord",
)


@cache
def carriers() -> tuple[Carrier, ...]:
    """Return what every carrier is, in the order of ``CARRIERS``."""
    packages = [import_module(f"{__name__}.{folder}") for folder in CARRIERS]
    return tuple(cast("Carrier", package.CARRIER) for package in packages)


def rereaders() -> dict[str, Callable[[Checkpoint], Reading | None]]:
    """Return what reads a kept scan again by a carrier's codes, for each courier code that a carrier answers for.

    An adapter's ``read`` module says how in ``reread``; scans of one that does not are left as they are.
    """
    found: dict[str, Callable[[Checkpoint], Reading | None]] = {}
    for carrier in carriers():
        reader = getattr(import_module(f"{carrier.package}.read"), "reread", _no_reading)
        found |= dict.fromkeys(carrier.courier_codes, reader)
    return found


def _no_reading(_: Checkpoint) -> None:
    return None


def find(name: str) -> Carrier | None:
    """Return the carrier of that name; None for none."""
    return next((carrier for carrier in carriers() if carrier.name == name), None)


def courier_codes() -> dict[str, frozenset[str]]:
    """Return the courier codes that each carrier answers for, by its name."""
    return {carrier.name: carrier.courier_codes for carrier in carriers()}


def askable() -> frozenset[str]:
    """Return every courier code that some carrier can be asked for, once somebody has connected it."""
    return frozenset(code for answered in courier_codes().values() for code in answered)
