"""The formats of the carriers, by the name of each: how they are asked, and how they answer."""

from importlib import import_module
from typing import Final, cast

from examples.carriers.formats.format import Format

NAMES: Final = (
    "dhl",
    "ups",
    "usps",
    "fedex",
    "laposte",
    "gls",
    "royal-mail",
    "hermes-de",
    "australia-post",
    "canada-post",
    "postnl",
    "postnord",
)
SERVICES: Final = ("17track", "easypost", "trackingmore")
"""Those that follow parcels of many couriers, and push them."""
_MODULES: Final = {"17track": "track17"}


def load(name: str) -> Format:
    """Return a new format of a carrier, with no tokens issued."""
    module = import_module(f"{__name__}.{_MODULES.get(name, name.replace('-', '_'))}")
    return cast("Format", module.FORMAT(name))
