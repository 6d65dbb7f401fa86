"""Services that push: their samples with signatures, and a stand-in that pushes them to the API."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx

from tests.support.api import Api, Caller
from waypost.actions.inbound import open_push
from waypost.api.parts import Parts
from waypost.app.sources import detected
from waypost.intake.push_reader import PushReader
from waypost.intake.push_requests import Reader
from waypost.sources import senders

SECRET = "correct horse battery staple"


def easypost_event(
    number: str = "EZ1000000001", *, status: str = "in_transit", event: str = "evt_1", at: int = 0
) -> bytes:
    """Return the body of a tracker's event with one scan, at a minute of the year."""
    scan = {"message": f"Scan {status}", "status": status, "datetime": _minute(at)}
    tracker = {"object": "Tracker", "tracking_code": number, "carrier": "USPS", "tracking_details": [scan]}
    return json.dumps({"id": event, "object": "Event", "description": "tracker.updated", "result": tracker}).encode()


def trackingmore_body(number: str, at: int = 0) -> bytes:
    """Return the body of a webhook of version 4 with one scan, at a minute of the year."""
    scan = {"checkpoint_date": _minute(at)[:-1], "tracking_detail": "Scan", "checkpoint_delivery_status": "transit"}
    data = {"tracking_number": number, "courier_code": "usps", "origin_info": {"trackinfo": [scan]}}
    return json.dumps({"code": 200, "message": "", "data": data}).encode()


def track17_body(number: str, at: int = 0) -> bytes:
    """Return the body of a webhook of 17TRACK with one scan, at a minute of the year."""
    scan = {"time_iso": _minute(at), "description": "Scan", "sub_status": "InTransit_Other"}
    track = {"latest_status": {"status": "InTransit"}, "tracking": {"providers": [{"events": [scan]}]}}
    data = {"number": number, "carrier": 21051, "track_info": track}
    return json.dumps({"event": "TRACKING_UPDATED", "data": data}).encode()


def track17_headers(body: bytes, key: str = SECRET) -> dict[str, str]:
    return {"sign": hashlib.sha256(body + b"/" + key.encode()).hexdigest()}


def aftership_body(number: str, event: str, at: int = 0) -> bytes:
    """Return the body of a webhook of AfterShip with one scan, at a minute of the year."""
    scan = {"checkpoint_time": _minute(at), "message": "Scan", "tag": "InTransit"}
    parcel = {"tracking_number": number, "slug": "usps", "tag": "InTransit", "checkpoints": [scan]}
    return json.dumps({"event": "tracking_update", "event_id": event, "msg": parcel}).encode()


def aftership_headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"aftership-hmac-sha256": base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()}


def _minute(at: int) -> str:
    return (datetime(2026, 3, 2, 10, tzinfo=UTC) + timedelta(minutes=at)).strftime("%Y-%m-%dT%H:%M:%SZ")


def easypost_headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"x-hmac-signature": "hmac-sha256-hex=" + hmac.digest(secret.encode(), body, "sha256").hex()}


def trackingmore_headers(secret: str = SECRET, *, at: int | None = None) -> dict[str, str]:
    timestamp = str(round(time.time()) if at is None else at)
    return {"timestamp": timestamp, "signature": hmac.digest(secret.encode(), timestamp.encode(), "sha256").hex()}


class Pusher:
    """A service that pushes to a connection of a shop."""

    def __init__(self, api: Api, shop: Caller, connection: dict[str, Any]) -> None:
        self.api = api
        self.shop = shop
        self.connection = connection
        self.path: str = connection["inbound_url"]

    @property
    def id(self) -> UUID:
        return UUID(hex=self.connection["id"].removeprefix("con_"))

    async def push(self, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return await self.api.client.post(self.path, content=body, headers=headers or easypost_headers(body))

    async def calls(self) -> list[tuple[str, str | None]]:
        """Return the results of the latest pushes, newest first."""
        rows = await self.api.database.serving.fetch(
            "select became, detail from inbound_call where connection = $1 order by id desc", self.id
        )
        return [(row["became"], row["detail"]) for row in rows]


async def connect(api: Api, shop: Caller, source: str = "easypost", **body: Any) -> Pusher:
    """Connect a service that pushes."""
    given = {"source": source, "credentials": {"secret": SECRET}} | body
    answer = await shop.post("/v1/connections", given)
    assert answer.status_code == 201, answer.text
    return Pusher(api, shop, answer.json())


def reader(parts: Parts, read: Reader = senders.read) -> PushReader:
    """Return a reader of the application's pushes."""
    return PushReader(
        parts.database,
        parts.intake,
        parts.inbox,
        open_push=partial(open_push, parts.vault),
        read=read,
        detect=detected,
        may_register=parts.quotas.has_room,
    )


async def read_all(parts: Parts) -> int:
    """Read what waits, and note what was refused."""
    async with asyncio.timeout(60):
        await parts.inbox.look()
        reads, done = reader(parts), 0
        while some := await reads.run_once():
            done += some
        return done
