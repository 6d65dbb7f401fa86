"""The services that push updates of parcels, one module each: what a shop enters, the signature, and the reading.

``PUSHES`` lists the modules; each describes itself in ``SENDER``. To add one, add a module and a line here.
"""

from functools import cache
from importlib import import_module
from typing import Final, cast

from waypost.sources.sender import PushSender

PUSHES: Final = (
    "track17",
    "aftership",
    "easypost",
    "ship24",
    "shippo",
    "trackingmore",
    "dhl_ecommerce",
    "dhl_push",
    "fedex_push",
    "ups_track_alert",
    "usps_push",
)


@cache
def senders() -> tuple[PushSender, ...]:
    """Return the description of every service, in the order of ``PUSHES``."""
    return tuple(cast("PushSender", import_module(f"{__name__}.{name}").SENDER) for name in PUSHES)
