"""The shop platforms that push orders, one module each: their parcels are registered, not tracked.

``SHOPS`` lists the modules; each describes itself in ``SENDER``. To add one, add a module and a line here.
"""

from functools import cache
from importlib import import_module
from typing import Final, cast

from waypost.sources.sender import PushSender

SHOPS: Final = (
    "shopify",
    "woocommerce",
    "order_shipped",
)


@cache
def senders() -> tuple[PushSender, ...]:
    """Return the description of every platform, in the order of ``SHOPS``."""
    return tuple(cast("PushSender", import_module(f"{__name__}.{name}").SENDER) for name in SHOPS)
