"""The carriers that can be polled, one folder each: description, calls, reading of answers, and codes.

``CARRIERS`` lists the folders; each package describes itself in ``CARRIER``. To add a carrier, add a folder and a line
here.
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
    """Return the description of every carrier, in the order of ``CARRIERS``."""
    packages = [import_module(f"{__name__}.{folder}") for folder in CARRIERS]
    return tuple(cast("Carrier", package.CARRIER) for package in packages)


def rereaders() -> dict[str, Callable[[Checkpoint], Reading | None]]:
    """Return the functions that reread a stored scan by a carrier's codes, by courier code.

    An adapter defines how in ``reread`` of its ``read`` module; scans of other adapters stay unchanged.
    """
    found: dict[str, Callable[[Checkpoint], Reading | None]] = {}
    for carrier in carriers():
        reader = getattr(import_module(f"{carrier.package}.read"), "reread", _no_reading)
        found |= dict.fromkeys(carrier.courier_codes, reader)
    return found


def _no_reading(_: Checkpoint) -> None:
    return None


def find(name: str) -> Carrier | None:
    """Return the carrier with that name, or None."""
    return next((carrier for carrier in carriers() if carrier.name == name), None)
