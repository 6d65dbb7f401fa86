"""From an update to a signed webhook at a real receiver, and the outcome of every response."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook

from tests.flow.test_intake import reporting, scan
from tests.support import hostile
from tests.support.databases import PLACE, add_account, add_endpoint
from tests.support.receiver import HANG, HANGS_AFTER_SECONDS, OK, Peer, always, answering, receiving
from waypost.dispatch.dispatcher import Dispatcher
from waypost.dispatch.guard import Guard
from waypost.dispatch.run import Sender, SendSettings
from waypost.dispatch.transport import PyreqwestTransport
from waypost.domain.retry import Policy
from waypost.domain.statuses import Status
from waypost.domain.targets import Ports
from waypost.intake.collector import Intake
from waypost.signing import v4
from waypost.store.database import Database
from waypost.store.vault import Vault

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
VAULT = Vault("the key of the tests")
QUICK = Policy(base_seconds=0.01, limit=3)
PATIENT_SECONDS, HASTY_SECONDS = 15.0, 1.0
"""The time limit of an attempt: enough for any machine, except if a test waits for a hanging one to time out."""


class Names:
    """Answers names from a table."""

    def __init__(self, **table: list[str]) -> None:
        self.table = table

    async def resolve(self, host: str) -> list[IPv4Address | IPv6Address]:
        if host not in self.table:
            raise OSError(host)
        return [ip_address(text) for text in self.table[host]]


class Way:
    """The whole way of one installation: intake, queue, dispatch."""

    def __init__(
        self,
        database: Database,
        *,
        allow: str = "127.0.0.0/8",
        names: Names | None = None,
        policy: Policy | None = None,
        timeout_seconds: float = PATIENT_SECONDS,
    ) -> None:
        self.database = database
        self.guard = Guard(names or Names(), ports=Ports.parse("1-65535"), allow=(ip_network(allow),))
        self.transport = PyreqwestTransport()
        settings = SendSettings(user_agent="Waypost/test", policy=policy or QUICK, timeout_seconds=timeout_seconds)
        self.sender = Sender(self.guard, self.transport, VAULT, settings)
        self.dispatcher = Dispatcher(database, self.sender, timeout_seconds=timeout_seconds, place=PLACE)
        self.intake = Intake(database, polled=frozenset(), hint=self.hint)

    def hint(self, endpoints: Iterable[UUID]) -> None:
        """Hint whatever dispatcher there is now: a test may put another one in its place."""
        self.dispatcher.hint(endpoints)

    async def add_endpoint(self, account: UUID, url: str) -> UUID:
        endpoint = await add_endpoint(self.database, account)
        sealed = VAULT.seal(SECRET, account=account, endpoint=endpoint)
        await self.database.serving.execute(
            "update endpoint set url = $2, secret = $3 where id = $1", endpoint, url, sealed
        )
        return endpoint

    async def settled(self, count: int) -> list[tuple[str, str | None, int]]:
        """Wait until this number of deliveries is settled; return their states, reasons and tries by sequence."""
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while await self.database.serving.fetchval("select count(*) from settled") < count:
                pass
        rows = await self.database.serving.fetch("select state, reason, tries from settled order by sequence, id")
        return [tuple(row) for row in rows]

    async def outcomes(self) -> list[str]:
        rows = await self.database.serving.fetch("select outcome from attempt order by delivery, number")
        return [row["outcome"] for row in rows]


@asynccontextmanager
async def running(way: Way) -> AsyncIterator[Way]:
    stop = asyncio.Event()
    way.intake.start()
    serving = asyncio.create_task(way.dispatcher.serve(stop))
    try:
        yield way
    finally:
        await way.intake.stop()
        stop.set()
        await serving


@pytest.fixture
async def way(database: Database) -> AsyncIterator[Way]:
    async with running(Way(database)) as way:
        yield way


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


async def test_an_update_arrives_as_a_webhook_that_both_official_rules_verify(way: Way, account: UUID) -> None:
    async with receiving() as receiver:
        await way.add_endpoint(account, receiver.url)

        (result,) = await way.intake.submit([reporting(account, "A1", scan(8))])

        (request,) = await receiver.received(1)
        headers = request.headers
        now = int(datetime.now(UTC).timestamp())
        v4.verify(headers["timestamp"], headers["signature"], SECRET, now=now)
        Webhook(SECRET).verify(request.body, headers)
        assert result.event is not None
        assert headers["webhook-id"] == f"evt_{result.event.hex}"
        assert json.loads(request.body)["data"]["tracking_number"] == "A1"
        assert await way.settled(1) == [("delivered", None, 1)]


async def test_the_request_has_exactly_the_specified_headers_in_lower_case(way: Way, account: UUID) -> None:
    async with receiving() as receiver:
        await way.add_endpoint(account, receiver.url)

        await way.intake.submit([reporting(account, "A1", scan(8))])

        (request,) = await receiver.received(1)
        names = [line.split(": ")[0] for line in request.raw_head.decode().split("\r\n")[1:] if line]
        assert request.raw_head.startswith(b"POST /hook HTTP/1.1\r\n")
        assert sorted(names) == sorted(
            [
                *("host", "content-type", "accept", "accept-encoding", "user-agent", "content-length", "timestamp"),
                *("signature", "webhook-id", "webhook-timestamp", "webhook-signature", "waypost-attempt"),
                "waypost-sequence",
            ]
        )


async def test_one_parcels_events_arrive_in_order_although_the_first_fails_twice(way: Way, account: UUID) -> None:
    async with receiving(lambda number: answering(503) if number < 3 else OK) as receiver:
        await way.add_endpoint(account, receiver.url)

        await way.intake.submit([reporting(account, "A1", scan(hour)) for hour in (8, 9, 10)])

        requests = await receiver.received(5)
        arrived = [(one.headers["waypost-sequence"], one.headers["waypost-attempt"]) for one in requests]
        assert arrived == [("1", "1"), ("1", "2"), ("1", "3"), ("2", "1"), ("3", "1")]
        assert len({one.headers["webhook-id"] for one in requests[:3]}) == 1
        assert await way.settled(3) == [("delivered", None, 3), ("delivered", None, 1), ("delivered", None, 1)]


async def test_a_delivery_out_of_attempts_fails_and_the_next_event_follows(way: Way, account: UUID) -> None:
    async with receiving(lambda number: answering(500) if number <= 4 else OK) as receiver:
        await way.add_endpoint(account, receiver.url)

        await way.intake.submit([reporting(account, "A1", scan(hour)) for hour in (8, 9)])

        assert await way.settled(2) == [("failed", None, 4), ("delivered", None, 1)]
        assert await way.outcomes() == ["http_5xx"] * 4 + ["succeeded"]
        assert len(receiver.requests) == 5


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (answering(204), "succeeded"),
        (answering(302, "location: http://127.0.0.1:1/"), "http_3xx"),
        (answering(404), "http_4xx"),
        (answering(429, "retry-after: 0"), "http_429"),
        (None, "reset"),
        (HANG, "timed_out"),
        (b"junk junk\r\n\r\n", "bad_response"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "succeeded"),
    ],
)
async def test_every_response_has_its_outcome(
    database: Database, account: UUID, answer: bytes | None, outcome: str
) -> None:
    way = Way(database, timeout_seconds=HASTY_SECONDS if answer is HANG else PATIENT_SECONDS)
    async with running(way), receiving(lambda number: answer if number == 1 else OK) as receiver:
        await way.add_endpoint(account, receiver.url)

        await way.intake.submit([reporting(account, "A1", scan(8))])

        assert [state for state, _, _ in await way.settled(1)] == ["delivered"]
        assert (await way.outcomes())[0] == outcome


async def test_a_truncated_2xx_response_does_not_repeat_the_webhook(way: Way, account: UUID) -> None:
    cut = hostile.then_close(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok")
    async with receiving(always(cut)) as receiver:
        await way.add_endpoint(account, receiver.url)

        await way.intake.submit([reporting(account, "A1", scan(8))])

        assert await way.settled(1) == [("delivered", None, 1)]
        kept = await way.database.serving.fetchrow(
            "select outcome, status_code, reason, response_body, response_truncated from attempt"
        )
        assert tuple(kept or ()) == ("succeeded", 200, "body_cut", b"ok", True)


async def test_a_410_disables_the_endpoint_and_cancels_waiting_deliveries(way: Way, account: UUID) -> None:
    async with receiving(lambda _number: answering(410)) as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)

        await way.intake.submit([reporting(account, "A1", scan(hour)) for hour in (8, 9)])

        assert [row[:2] for row in await way.settled(2)] == [("cancelled", "endpoint_off")] * 2
        row = await way.database.serving.fetchrow(
            "select enabled, disabled_reason from endpoint where id = $1", endpoint
        )
        assert tuple(row or ()) == (False, "gone")
        assert len(receiver.requests) == 1


async def test_a_hanging_endpoint_does_not_delay_another(way: Way, account: UUID) -> None:
    async with receiving(lambda _number: HANG) as hanging, receiving() as healthy:
        await way.add_endpoint(account, hanging.url)
        await way.add_endpoint(account, healthy.url)

        await way.intake.submit([reporting(account, f"A{number}", scan(8)) for number in range(60)])

        await healthy.received(60)
        assert len(hanging.requests) < 60


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("http://127.0.0.1:{port}/", []),
        ("http://shop.test:{port}/", ["127.0.0.1"]),
        ("http://shop.test:{port}/", ["1.1.1.1", "::1"]),
    ],
)
async def test_no_forbidden_address_is_ever_connected_to(
    database: Database, account: UUID, url: str, addresses: list[str]
) -> None:
    names = Names(**{"shop.test": addresses})
    async with receiving() as receiver, running(Way(database, allow="10.9.9.9/32", names=names)) as way:
        await way.add_endpoint(account, url.format(port=receiver.port))

        await way.intake.submit([reporting(account, "A1", scan(8, Status.DELIVERED))])

        assert await way.settled(1) == [("failed", None, 4)]
        assert set(await way.outcomes()) == {"address_forbidden"}
        assert receiver.connections == 0


async def test_a_name_is_resolved_once_and_its_checked_address_used(database: Database, account: UUID) -> None:
    names = Names(**{"shop.test": ["127.0.0.1"]})
    async with receiving() as receiver, running(Way(database, names=names)) as way:
        await way.add_endpoint(account, f"http://shop.test:{receiver.port}/hook")

        await way.intake.submit([reporting(account, "A1", scan(8))])

        (request,) = await receiver.received(1)
        assert request.headers["host"] == f"shop.test:{receiver.port}"


async def test_a_name_without_addresses_has_its_own_error(way: Way, account: UUID) -> None:
    await way.add_endpoint(account, "http://nowhere.test/")

    await way.intake.submit([reporting(account, "A1", scan(8))])

    assert await way.settled(1) == [("failed", None, 4)]
    assert set(await way.outcomes()) == {"dns_failed"}


async def test_deliveries_held_by_a_killed_dispatcher_are_sent_by_the_next(database: Database, account: UUID) -> None:
    killed = Way(database)
    async with receiving(lambda number: HANG if number == 1 else OK) as receiver:
        await killed.add_endpoint(account, receiver.url)
        killed.intake.start()
        dying = asyncio.create_task(killed.dispatcher.serve(asyncio.Event()))
        await killed.intake.submit([reporting(account, "A1", scan(8))])
        await receiver.received(1)
        await forget_everything(database, dying)

        async with running(Way(database)) as way:
            assert [state for state, _, _ in await way.settled(1)] == ["delivered"]

        await killed.intake.stop()
        assert len(receiver.requests) == 2


async def forget_everything(database: Database, dying: "asyncio.Task[None]") -> None:
    """End a dispatcher as kill -9 does: its session ends, nothing is given back."""
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await database.engine.execute("select pg_advisory_unlock_all()")


async def test_a_clean_stop_waits_for_the_commit_of_sent_deliveries(database: Database, account: UUID) -> None:
    way, stop = Way(database), asyncio.Event()
    async with receiving() as receiver, database.serving.acquire() as other:
        await way.add_endpoint(account, receiver.url)
        way.intake.start()
        await way.intake.submit([reporting(account, "A1", scan(8))])
        blocking = other.transaction()
        await blocking.start()
        await other.execute("lock table settled in share mode")
        serving = asyncio.create_task(way.dispatcher.serve(stop))
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while not await other.fetchval("select count(*) from pg_locks where not granted"):
                pass

        stop.set()
        for _ in range(50):
            await other.execute("select 1")
        await blocking.rollback()
        await serving
        await way.intake.stop()

    rows = await database.engine.fetch("select state, tries from settled")
    assert [tuple(row) for row in rows] == [("delivered", 1)]


@pytest.mark.parametrize(
    "junk", ["-1", "soon", "1e9", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00"]
)
async def test_an_invalid_retry_after_still_counts_the_attempt(way: Way, account: UUID, junk: str) -> None:
    waits = answering(429, f"retry-after: {junk}")
    async with receiving(lambda number: waits if number == 1 else OK) as receiver:
        await way.add_endpoint(account, receiver.url)

        await way.intake.submit([reporting(account, "A1", scan(8))])

        assert [state for state, _, _ in await way.settled(1)] == ["delivered"]


async def test_an_endpoints_health_shows_since_when_and_why_it_fails(way: Way, account: UUID) -> None:
    looked = asyncio.Event()

    async def take_it_later(peer: Peer) -> None:
        await looked.wait()
        await peer.write(OK)

    async with receiving(lambda number: answering(500) if number < 3 else take_it_later) as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)
        await way.intake.submit([reporting(account, "A1", scan(8))])
        assert await health(way, endpoint, failing=True) == (False, "http_5xx", True)

        looked.set()

        assert await health(way, endpoint, failing=False) == (True, "http_5xx", False)


async def health(way: Way, endpoint: UUID, *, failing: bool) -> tuple[bool, str, bool]:
    """Wait until an endpoint fails or does well; gives whether it does, its last error, and if it never did."""
    question = "select failing_since is null, last_error, last_success_at is null from endpoint_health"
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        while True:
            row = await way.database.serving.fetchrow(f"{question} where endpoint = $1", endpoint)
            if row is not None and row[0] is not failing:
                return tuple(row)


async def test_sent_deliveries_are_recorded_after_postgresql_ended_the_sessions(
    database: Database, account: UUID
) -> None:
    way, stop = Way(database), asyncio.Event()
    async with receiving(lambda _number: OK) as receiver:
        await way.add_endpoint(account, receiver.url)
        way.intake.start()
        serving = asyncio.create_task(way.dispatcher.serve(stop))
        await way.intake.submit([reporting(account, "A1", scan(8))])
        await way.settled(1)
        async with database.serving.acquire() as other:
            await other.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        with pytest.raises(Exception, match=r"."):
            await asyncio.wait_for(serving, HANGS_AFTER_SECONDS)

        again = asyncio.create_task(way.dispatcher.serve(stop))
        await way.intake.submit([reporting(account, "A1", scan(9))])

        assert [row[0] for row in await way.settled(2)] == ["delivered", "delivered"]
        assert len(receiver.requests) == 2
        await way.intake.stop()
        stop.set()
        await again
