"""From a service's or a shop's signed call to a signed webhook at an endpoint, through a whole server."""

import asyncio
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from easypost.easypost_client import EasyPostClient
from easypost.util import validate_webhook

from examples.carriers.pushing import Pushing
from examples.carriers.server import serve
from examples.demo.site import Site
from tests.support.carrier_cases import SHARED
from tests.support.receiver import OK, Receiver, always, receiving
from tests.support.serving import serving
from tests.support.stand_ins import Clock, running_stand_in, service_stand_in
from waypost.receiver import TrackingEvent, verify

SHOPS = Path(__file__).parents[1] / "contract" / "shops"
VECTORS = tomllib.loads((SHOPS / "vectors.toml").read_text("utf-8"))
NUMBER = "9400111899560000000017"


@dataclass
class Shop:
    """A shop with an endpoint at a receiver, on a running server."""

    site: Site
    secret: str
    receiver: Receiver

    async def connect(self, source: str, **body: Any) -> dict[str, Any]:
        made = await asyncio.to_thread(self.site.post, "/v1/connections", {"source": source} | body)
        return dict(made)

    async def webhook(self) -> TrackingEvent:
        """Return the first webhook, verified as a receiver does."""
        (first, *_) = await self.receiver.received(1)
        return verify(first.body, first.headers, self.secret)


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A server that polls stand-ins which know every number."""
    with (
        running_stand_in("dhl") as (_, dhl),
        running_stand_in("usps") as (_, usps),
        serving(WAYPOST_CARRIER_DHL_BASE_URL=dhl, WAYPOST_CARRIER_USPS_BASE_URL=usps) as server,
    ):
        server.start()
        yield server


async def open_shop(server: Any, receiver: Receiver, email: str) -> Shop:
    site: Site = await asyncio.to_thread(server.account, email)
    endpoint = {"url": f"http://127.0.0.1:{receiver.port}/webhooks"}
    made = await asyncio.to_thread(site.post, "/v1/endpoints", endpoint)
    return Shop(site, made["secret"], receiver)


async def test_a_tracker_of_easyposts_own_client_becomes_a_verified_webhook(server: Any) -> None:
    stand_in = service_stand_in("easypost", Clock())
    async with receiving(always(OK)) as receiver, serve({"easypost": stand_in}, 0) as url:
        shop = await open_shop(server, receiver, "easypost@example.com")
        made = await shop.connect("easypost", credentials={}, settings={"register": "yes"})
        client = EasyPostClient("a-key", api_base=f"{url}/easypost/v2")
        address, secret = server.url + made["inbound_url"], made["generated"]["secret"]
        await asyncio.to_thread(client.webhook.create, url=address, webhook_secret=secret)
        await asyncio.to_thread(client.tracker.create, tracking_code=NUMBER, carrier="USPS")

        pushed = await Pushing([stand_in]).run_once()
        event = await shop.webhook()

    assert pushed == 1
    assert (event.tracking_number, event.courier_code, event.substatus) == (NUMBER, "usps", "inforeceived001")


def test_easyposts_own_client_accepts_what_its_stand_in_signs() -> None:
    stand_in = service_stand_in("easypost", Clock())
    sight, _ = stand_in.fleet.look(NUMBER)
    assert sight is not None
    webhook = stand_in.form.push(sight, "a secret")  # type: ignore[attr-defined]  # it is a service

    event = validate_webhook(webhook.body, {"X-Hmac-Signature": webhook.headers["x-hmac-signature"]}, "a secret")

    assert event["result"]["tracking_code"] == NUMBER


def own(source: str) -> tuple[bytes, dict[str, str], str]:
    """Return a sample of ours with its headers and its secret."""
    vector = next(one for one in VECTORS["push"] if one["source"] == source)
    return (SHOPS / vector["body"]).read_bytes(), vector["headers"], VECTORS["secret"]


def shared(source: str) -> tuple[bytes, dict[str, str], str]:
    """Return a sample of the shared data with its headers and its secret."""
    name = {"shopify": "shopify-fulfillment", "woocommerce": "woocommerce-order"}[source]
    folder = SHARED / "sources" / "shops"
    if not folder.exists():
        pytest.skip("the shared data is not here")
    vector = json.loads((folder / "signatures.json").read_text("utf-8"))[name]
    return (folder / f"{name}.json").read_bytes(), vector["headers"], vector["secret"]


@pytest.mark.parametrize("sample", [own, shared])
@pytest.mark.parametrize("source", ["shopify", "woocommerce"])
async def test_a_shops_signed_call_becomes_a_verified_webhook(server: Any, source: str, sample: Any) -> None:
    body, headers, secret = sample(source)
    async with receiving(always(OK)) as receiver:
        shop = await open_shop(server, receiver, f"{source}-{sample.__name__}@example.com")
        for carrier, credentials in (("dhl", {"api_key": "any"}), ("usps", {"client_id": "a", "client_secret": "b"})):
            await shop.connect(carrier, credentials=credentials)
        made = await shop.connect(source, credentials={"secret": secret})
        async with httpx.AsyncClient(trust_env=False) as client:
            wrong = await client.post(server.url + made["inbound_url"], content=body + b" ", headers=headers)
            right = await client.post(server.url + made["inbound_url"], content=body, headers=headers)
        event = await shop.webhook()

    assert (wrong.status_code, right.status_code) == (401, 200)
    assert event.tracking_number in body.decode()
    assert event.status != "pending"
