"""Where the APIs of the services answer at which parcels are registered, by source; the operator may set others."""

from collections.abc import Mapping
from typing import Final

API_URLS: Final[Mapping[str, str]] = {
    "17track": "https://api.17track.net",
    "easypost": "https://api.easypost.com",
    "shippo": "https://api.goshippo.com",
    "aftership": "https://api.aftership.com",
    "ship24": "https://api.ship24.com",
    "trackingmore": "https://api.trackingmore.com",
}
