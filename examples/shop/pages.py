"""The shop's two pages. The texts in a webhook come from strangers, so templates escape all of them."""

import html
import json
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from waypost.receiver import TrackingEvent

_TEMPLATES = Path(__file__).with_name("templates")
_WORDS = json.loads((_TEMPLATES / "words.json").read_text("utf-8"))
_STEPS = ("inforeceived", "transit", "pickup", "delivered")
STYLE = (_TEMPLATES / "style.css").read_text("utf-8")


class _Html(str):
    """Text that is already markup; all other text is escaped."""

    __slots__ = ()


def orders_page(parcels: list[TrackingEvent]) -> str:
    """Show every order with the status of its parcel."""
    orders = [_shown(parcel) | {"link": quote(parcel.tracking_number, safe="")} for parcel in parcels]
    return _fill("orders.html", {"count": len(parcels), "orders": _each("order.html", orders)})


def track_page(parcel: TrackingEvent) -> str:
    """Show one parcel to the shopper: its status, progress and scans, but no customer data."""
    scans = parcel.checkpoints
    seen = {parcel.status, *(scan.status for scan in scans)}
    states = ["done" if seen.intersection(_STEPS[place:]) else "open" for place in range(len(_STEPS))]
    steps = [{"word": _WORDS[step][1], "state": state} for step, state in zip(_STEPS, states, strict=True)]
    timeline = [{"at": scan.at, "detail": scan.detail, "location": scan.location} for scan in scans]
    return _fill(
        "track.html", _shown(parcel) | {"steps": _each("step.html", steps), "scans": _each("scan.html", timeline)}
    )


def _shown(parcel: TrackingEvent) -> dict[str, Any]:
    sign, word = _WORDS.get(parcel.substatus) or _WORDS.get(parcel.status) or ("?", parcel.status)
    names = ("tracking_number", "order_number", "title", "status", "latest_event")
    return {name: getattr(parcel, name) for name in names} | {"sign": sign, "word": word}


def _each(template: str, rows: list[dict[str, Any]]) -> _Html:
    return _Html("".join(_fill(template, row) for row in rows))


def _fill(template: str, values: dict[str, Any]) -> _Html:
    safe = {name: text if isinstance(text, _Html) else html.escape(str(text or "")) for name, text in values.items()}
    return _Html(Template((_TEMPLATES / template).read_text("utf-8")).substitute(safe))
