"""The test of an endpoint runs through the real pipeline to a real receiver, ahead of everything that waits."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import jsonschema
import msgspec
import pytest
from standardwebhooks.webhooks import Webhook
from svix.webhooks import Webhook as SvixWebhook

from tests.flow.test_dispatch import SECRET, VAULT, Way, running
from tests.flow.test_intake import reporting, scan
from tests.support.databases import add_account
from tests.support.receiver import HANG, HANGS_AFTER_SECONDS, OK, Receiver, always, answering, receiving
from waypost.actions.attempts import show_attempt
from waypost.actions.deliveries import show
from waypost.domain.endpoints import Version
from waypost.domain.statuses import SELECTABLE, Status
from waypost.payloads import render, schemas
from waypost.payloads.samples import sample_state
from waypost.signing import v2v3, v4
from waypost.store import deliveries, endpoint_changes, queue
from waypost.store.database import Database
from waypost.store.queue import CustomPayload
from waypost.store.statements import transaction
from waypost.store.states import pack


def now() -> int:
    return int(datetime.now(UTC).timestamp())


@pytest.fixture
async def way(database: Database) -> AsyncIterator[Way]:
    async with running(Way(database)) as way:
        yield way


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


async def send_test(way: Way, account: UUID, endpoint: UUID, status: str = "delivered") -> UUID:
    async with way.database.serving.acquire() as session, transaction(session):
        random = uuid4().int >> 66, uuid4().int >> 66
        delivery = await queue.add_test(session, account, endpoint, sample=status, random=random)
    assert delivery is not None
    way.dispatcher.hint_by_hand()
    return delivery


async def send_every_version(way: Way, account: UUID, receiver: Receiver) -> None:
    """Send a test in each version, in their order, and wait until all have come."""
    endpoint = await way.add_endpoint(account, receiver.url)
    for number, version in enumerate(Version, start=1):
        await change(way, endpoint, "version = $2", version)
        await send_test(way, account, endpoint)
        await receiver.received(number)


async def settled(way: Way, account: UUID, delivery: UUID) -> deliveries.DeliveryRow:
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        while True:
            async with way.database.serving.acquire() as session:
                row = await deliveries.find(session, account, delivery)
            assert row is not None
            if row.state is not None:
                return row


async def change(way: Way, endpoint: UUID, assignments: str, *values: object) -> None:
    statement = f"update endpoint set {assignments} where id = $1"  # noqa: S608 - the tests' own words
    await way.database.serving.execute(statement, endpoint, *values)


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("status", SELECTABLE)
async def test_a_test_sends_the_sample_of_its_status_signed_like_any_delivery(
    way: Way, account: UUID, version: Version, status: Status
) -> None:
    async with receiving() as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)
        await change(way, endpoint, "version = $2", version)

        delivery = await send_test(way, account, endpoint, status)

        (request,) = await receiver.received(1)
        body = json.loads(request.body)
        assert request.headers["waypost-test"] == "true"
        assert body["data"] == json.loads(render(version, sample_state(status)))["data"]
        jsonschema.Draft202012Validator(json.loads(schemas.load(version))).validate(body)
        Webhook(SECRET).verify(request.body, request.headers)
        SvixWebhook(SECRET).verify(request.body, request.headers)
        check_own_way(version, request.headers, body, f"{account.hex}@shop.test")
        row = await settled(way, account, delivery)
        assert (row.state, row.tries, row.sample) == ("delivered", 1, status)


def check_own_way(version: Version, headers: dict[str, str], body: dict[str, Any], email: str) -> None:
    match version:
        case Version.V4:
            v4.verify(headers["timestamp"], headers["signature"], SECRET, now=now())
        case Version.V3:
            v2v3.verify(body["verify"]["timestamp"], body["verify"]["signature"], email, now=now())
        case Version.V2:
            v2v3.verify(body["verifyInfo"]["timeStr"], body["verifyInfo"]["signature"], email, now=now())
    if version is not Version.V4:
        assert not {"timestamp", "signature"} & set(headers)


async def test_a_failed_test_is_not_retried_and_does_not_affect_health(way: Way, account: UUID) -> None:
    async with receiving(always(answering(503, "retry-after: 1"))) as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)

        row = await settled(way, account, await send_test(way, account, endpoint))

        assert (row.state, row.reason, row.tries) == ("failed", None, 1)
        assert await way.database.serving.fetchval("select count(*) from endpoint_health") == 0
        assert len(receiver.requests) == 1


async def test_a_410_to_a_test_does_not_disable_the_endpoint(way: Way, account: UUID) -> None:
    async with receiving(always(answering(410))) as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)

        row = await settled(way, account, await send_test(way, account, endpoint))

        assert row.state == "failed"
        assert await way.database.serving.fetchval("select enabled from endpoint")


async def test_a_disabled_endpoint_can_be_tested(way: Way, account: UUID) -> None:
    async with receiving() as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)
        await change(way, endpoint, "enabled = false, disabled_reason = 'user'")

        row = await settled(way, account, await send_test(way, account, endpoint))

        assert row.state == "delivered"
        assert len(receiver.requests) == 1


async def test_a_test_of_a_deleted_endpoint_is_cancelled_without_being_sent(way: Way, account: UUID) -> None:
    async with receiving() as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)
        async with way.database.serving.acquire() as session, transaction(session):
            delivery = await queue.add_test(session, account, endpoint, sample="transit", random=(1, 2))
            await endpoint_changes.delete_endpoint(session, account, endpoint)
        assert delivery is not None
        way.dispatcher.hint_by_hand()

        row = await settled(way, account, delivery)

        assert (row.state, row.reason, receiver.requests) == ("cancelled", "endpoint_off", [])


async def test_a_test_overtakes_everything_waiting_or_hanging_in_its_lane(way: Way, account: UUID) -> None:
    async with receiving(lambda _number: HANG) as hanging, receiving() as receiver:
        endpoint = await way.add_endpoint(account, hanging.url)
        await way.intake.submit([reporting(account, f"A{number}", scan(8)) for number in range(300)])
        await hanging.received(16)
        await change(way, endpoint, "url = $2", receiver.url)

        delivery = await send_test(way, account, endpoint)

        (request,) = await receiver.received(1)
        assert request.headers["waypost-test"] == "true"
        assert (await settled(way, account, delivery)).state == "delivered"
        await way.database.serving.execute("update endpoint set enabled = false, disabled_reason = 'user'")


async def test_a_lost_hint_of_a_test_costs_at_most_a_second(way: Way, account: UUID) -> None:
    async with receiving() as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)
        async with way.database.serving.acquire() as session, transaction(session):
            await queue.add_test(session, account, endpoint, sample="transit", random=(1, 2))

        await receiver.received(1)


async def test_custom_headers_are_sent_but_their_values_are_not_recorded(way: Way, account: UUID) -> None:
    async with receiving() as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)
        sealed = VAULT.seal('{"x-shop":"a b","authorization":"k"}', account=account, endpoint=endpoint)
        await change(way, endpoint, "headers = $2", sealed)

        await settled(way, account, await send_test(way, account, endpoint))

        (request,) = receiver.requests
        assert (request.headers["x-shop"], request.headers["authorization"]) == ("a b", "k")
        kept = await way.database.serving.fetchval("select own_headers from attempt")
        assert kept == ["x-shop", "authorization"]


async def test_during_the_overlap_both_secrets_sign_and_v4_uses_the_previous_one(way: Way, account: UUID) -> None:
    async with receiving() as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)
        new = VAULT.seal("the-new-secret-of-the-shop", account=account, endpoint=endpoint)
        async with way.database.serving.acquire() as session:
            await endpoint_changes.update_secret(session, account, endpoint, secret=new, overlap_seconds=60)

        sent = [await send_test(way, account, endpoint)]
        await settled(way, account, sent[0])
        async with way.database.serving.acquire() as session:
            await endpoint_changes.delete_previous_secret(session, account, endpoint)
        sent.append(await send_test(way, account, endpoint))
        await settled(way, account, sent[1])
        async with way.database.serving.acquire() as session:
            kept = [await deliveries.attempts(session, delivery) for delivery in sent]

        during, after = receiver.requests
        new_key = Webhook("dGhlLW5ldy1zZWNyZXQtb2YtdGhlLXNob3A=")
        for webhook in (Webhook(SECRET), new_key):
            webhook.verify(during.body, during.headers)
        v4.verify(during.headers["timestamp"], during.headers["signature"], SECRET, now=now())
        new_key.verify(after.body, after.headers)
        assert len(after.headers["webhook-signature"].split(" ")) == 1
        v4.verify(after.headers["timestamp"], after.headers["signature"], "the-new-secret-of-the-shop", now=now())
        assert [(one.signature, one.webhook_signature) for (one,) in kept] == [
            (one.headers["signature"], one.headers["webhook-signature"]) for one in receiver.requests
        ]


@pytest.mark.parametrize("version", [Version.V2, Version.V3])
async def test_a_retry_of_v2_and_v3_is_signed_again_and_its_body_can_be_shown(
    way: Way, account: UUID, version: Version
) -> None:
    async with receiving(lambda number: answering(500) if number == 1 else OK) as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)
        await change(way, endpoint, "version = $2", version)

        await way.intake.submit([reporting(account, "A1", scan(8))])

        await receiver.received(2)
        await way.settled(1)
        kept = await way.database.serving.fetch(
            "select body_sha256, signed_at, signatures from attempt order by number"
        )
        member = "verify" if version is Version.V3 else "verifyInfo"
        for request, row in zip(receiver.requests, kept, strict=True):
            assert sha256(request.body).digest() == row["body_sha256"]
            inside = json.loads(request.body)[member]
            assert inside["signature"] == row["signatures"][:32].hex()
            assert row["signed_at"] in inside.values()


@pytest.mark.parametrize("version", Version)
async def test_an_edited_body_is_sent_and_signed_byte_by_byte(way: Way, account: UUID, version: Version) -> None:
    body = b'{"code":200,"data":{"tracking_number":"EDITED1"}}'
    async with receiving(always(OK)) as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)
        await change(way, endpoint, "version = $2", version)
        async with way.database.serving.acquire() as session, transaction(session):
            random = uuid4().int >> 66, uuid4().int >> 66
            payload = CustomPayload("EDITED1", body=body)
            delivery = await queue.add_test(
                session, account, endpoint, sample="delivered", random=random, payload=payload
            )
        way.dispatcher.hint_by_hand()
        (request,) = await receiver.received(1)
        assert delivery is not None
        row = await settled(way, account, delivery)
        async with way.database.serving.acquire() as session:
            (kept,) = await deliveries.attempts(session, delivery)

    sent = json.loads(request.body)
    assert sent["data"] == {"tracking_number": "EDITED1"}
    assert request.body == body or version is not Version.V4
    assert (version is Version.V4) == ("verify" not in sent and "verifyInfo" not in sent)
    assert request.headers["waypost-test"] == "true"
    assert show_attempt(1, kept, row).request.body == request.body.decode()
    assert row.tracking_number == "EDITED1"


async def test_a_parcel_is_sent_as_it_is_now(way: Way, account: UUID) -> None:
    state = sample_state(Status.EXCEPTION)
    async with receiving(always(OK)) as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)
        async with way.database.serving.acquire() as session, transaction(session):
            random = uuid4().int >> 66, uuid4().int >> 66
            payload = CustomPayload("OWN1", state=pack(msgspec.structs.replace(state, tracking_number="OWN1")))
            delivery = await queue.add_test(
                session, account, endpoint, sample="exception", random=random, payload=payload
            )
        way.dispatcher.hint_by_hand()
        (request,) = await receiver.received(1)
        assert delivery is not None
        row = await settled(way, account, delivery)

    assert json.loads(request.body)["data"]["tracking_number"] == "OWN1"
    assert show(row).tracking_number == "OWN1"
