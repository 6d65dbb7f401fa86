"""The carriers that can be asked, one folder each: what it is, its calls, how its answers are read, and its codes.

``CARRIERS`` lists the folders; each package says in ``CARRIER`` what it is. A new carrier is a folder and a line here.
"""

from functools import cache
from importlib import import_module
from typing import Final, cast

from waypost.sources.carriers.carrier import Carrier

CARRIERS: Final = (
    "dhl",
    "ups",
)


@cache
def carriers() -> tuple[Carrier, ...]:
    """Return what every carrier is, in the order of ``CARRIERS``."""
    packages = [import_module(f"{__name__}.{folder}") for folder in CARRIERS]
    return tuple(cast("Carrier", package.CARRIER) for package in packages)


def find(name: str) -> Carrier | None:
    """Return the carrier of that name; None for none."""
    return next((carrier for carrier in carriers() if carrier.name == name), None)
