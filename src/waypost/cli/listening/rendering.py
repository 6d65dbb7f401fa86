"""Renders an event of the feed as a webhook, in every version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from waypost import payloads
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.endpoints import Version
from waypost.domain.facts import FACTS, Fact
from waypost.domain.statuses import Status
from waypost.domain.trackings import TrackingState
from waypost.signing import v2v3
from waypost.signing.rotation import Headers, Secrets, standard_headers, v4_headers


def webhook(
    version: Version, item: Mapping[str, Any], *, secret: str, email: str, attempt: int, now: int
) -> tuple[bytes, Headers]:
    """Return the body and the header lines, byte for byte those of a delivery signed at a time (Unix seconds).

    ``email`` is the account's and signs V2 and V3.
    """
    body = payloads.render(version, state_of(item["data"]))
    secrets = Secrets(secret)
    own: Headers = ()
    if version in payloads.SIGNED_INSIDE:
        body = payloads.sign_inside(version, body, now, v2v3.sign(now, email))
    else:
        own = v4_headers(secrets, now)
    counted = (("waypost-attempt", str(attempt)), ("waypost-sequence", str(item["sequence"])))
    return body, (*own, *standard_headers(secrets, item["id"], now, body), *counted)


def state_of(data: Mapping[str, Any]) -> TrackingState:
    """Return the state that a V4 object shows, which is all that the body of any version contains."""
    origin = data["origin_info"]
    scans = msgspec.convert(origin["trackinfo"], list[Checkpoint])
    return TrackingState(
        id=data["id"],
        tracking_number=data["tracking_number"],
        courier_code=data["courier_code"],
        created_at=_milliseconds(data["created_at"]),
        updated_at=_milliseconds(data["update_at"]),
        status=Status(data["delivery_status"]),
        substatus=data["substatus"],
        checkpoints=tuple(reversed(scans)),
        facts={name: Fact(text) for part in (origin, data) for name, text in part.items() if name in FACTS and text},
        archived=data["archived"] == "archived",
        source=data["source"],
    )


def _milliseconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp()) * 1000
