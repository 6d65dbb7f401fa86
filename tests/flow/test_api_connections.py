"""``/v1/connections``: credentials are tried, kept sealed, and never read back."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from tests.support.api import Api, Caller, serving_api
from waypost.actions import connection_sharing
from waypost.domain import ids
from waypost.domain.budget import begin, take
from waypost.domain.carriers import CarrierError, CarrierRefused, CarrierUnavailable
from waypost.sources import carriers
from waypost.store import unread_changes
from waypost.store.database import Database
from waypost.store.unread_changes import UnreadKey

SECRET = "s3cret-that-nobody-may-see"
UPS = {"source": "ups", "credentials": {"client_id": "me", "client_secret": SECRET}}


class Prober:
    """What the tests' carriers say to credentials."""

    def __init__(self) -> None:
        self.answer: CarrierError | None = None
        self.tried: list[tuple[str, dict[str, str]]] = []
        self.held: asyncio.Event | None = None
        self.begun = asyncio.Semaphore(0)

    async def probe(self, source: str, credentials: Mapping[str, str]) -> None:
        self.tried.append((source, dict(credentials)))
        self.begun.release()
        if self.held is not None:
            await self.held.wait()
        if self.answer is not None:
            raise self.answer


@pytest.fixture
def prober() -> Prober:
    return Prober()


@pytest.fixture
async def api(database: Database, prober: Prober) -> AsyncIterator[Api]:
    async with serving_api(database, connected=("dhl",), probe=prober.probe) as api:
        yield api


@pytest.fixture
async def shop(api: Api) -> Caller:
    return await api.caller()


async def add(shop: Caller, **changed: Any) -> dict[str, Any]:
    answer = await shop.post("/v1/connections", UPS | changed)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_a_connection_is_shown_without_its_credentials(api: Api, shop: Caller, prober: Prober) -> None:
    made = await add(shop, name="UPS, main account", settings={"daily_calls": "300"})

    found = (await shop.get(f"/v1/connections/{made['id']}")).json()

    assert found == made
    assert prober.tried == [("ups", {"client_id": "me", "client_secret": SECRET})]
    assert {name: found[name] for name in ("source", "kind", "name", "owner", "enabled", "state", "asks_left")} == {
        "source": "ups",
        "kind": "carrier",
        "name": "UPS, main account",
        "owner": "account",
        "enabled": True,
        "state": "new",
        "asks_left": 300,
    }
    assert found["credentials_set"] == ["client_id", "client_secret"]
    assert SECRET not in str(found)
    kept = await api.database.serving.fetchval("select credentials from connection where account is not null")
    assert SECRET.encode() not in kept


async def test_the_list_includes_the_operators_connections_and_no_others(api: Api, shop: Caller) -> None:
    await add(await api.caller())
    mine = await add(shop)

    items = (await shop.get("/v1/connections")).json()["items"]

    assert [(one["source"], one["owner"]) for one in items] == [("dhl", "installation"), ("ups", "account")]
    assert items[1]["id"] == mine["id"]
    assert items[0]["credentials_set"] == []


async def test_the_operators_calls_are_shown_before_the_first_poll(shop: Caller) -> None:
    (theirs,) = (await shop.get("/v1/connections")).json()["items"]

    assert (theirs["asks_left"], theirs["settings"]) == (4000, {})


async def test_sharing_a_connection_is_in_the_audit_log_of_each_account_that_gains_or_loses_it(
    api: Api, shop: Caller
) -> None:
    other = await api.caller()
    await connection_sharing.share(api.parts, "dhl", [other.account])  # every account could use it before
    await connection_sharing.share(api.parts, "dhl", [other.account])
    await connection_sharing.share(api.parts, "dhl", [])

    entries = await api.database.serving.fetch(
        "select account, actor, subject, changes::text as changes from audit_entry"
        " where action = 'connection.shared' order by at"
    )
    lost = {"usable": ["true", "false"]}
    assert [(one["account"], one["actor"], one["subject"], json.loads(one["changes"])) for one in entries] == [
        (shop.account, "command line", "dhl", lost),
        (other.account, "command line", "dhl", lost),
    ]


async def test_rejected_credentials_are_not_saved_and_the_carriers_message_is_shown(
    api: Api, shop: Caller, prober: Prober
) -> None:
    body = b'{"response": {"errors": [{"code": "250002", "message": "Invalid Authentication Information"}]}}'
    prober.answer = CarrierRefused("refused", status=401, body=body)

    answer = await shop.post("/v1/connections", UPS)

    assert (answer.status_code, answer.json()["code"]) == (409, "connection_refused")
    assert answer.json()["detail"] == "UPS rejected the credentials (401): Invalid Authentication Information"
    assert await api.database.serving.fetchval("select count(*) from connection where account is not null") == 0


async def test_rejected_credentials_are_saved_on_request(shop: Caller, prober: Prober) -> None:
    prober.answer = CarrierRefused("refused")

    made = await add(shop, untested=True)

    assert prober.tried == []
    tried = (await shop.post(f"/v1/connections/{made['id']}/test")).json()
    assert (tried["ok"], tried["message"]) == (False, "UPS rejected the credentials (401).")


async def test_an_unreachable_carrier_is_not_blamed_on_the_credentials(shop: Caller, prober: Prober) -> None:
    prober.answer = CarrierUnavailable("no response: connection refused")

    answer = await shop.post("/v1/connections", UPS)

    assert answer.json()["detail"] == "UPS could not be reached: no response: connection refused."


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"source": "nobody", "credentials": {}}, "source"),
        ({"source": "ups", "credentials": {}}, "credentials.client_id"),
        ({"source": "ups", "credentials": {"client_id": "a", "client_secret": "b", "x": "y"}}, "credentials.x"),
        ({"source": "ups", "credentials": {"client_id": "a\r\nx: y", "client_secret": "b"}}, "credentials.client_id"),
        (UPS | {"name": ""}, "name"),
        (UPS | {"name": "n" * 101}, "name"),
        (UPS | {"settings": {"daily_calls": "0"}}, "settings.daily_calls"),
        (UPS | {"settings": {"daily_calls": "9" * 99}}, "settings.daily_calls"),
        (UPS | {"settings": {"daily_calls": "\u0661"}}, "settings.daily_calls"),
        (UPS | {"settings": {"calls_per_second": "nan"}}, "settings.calls_per_second"),
        (UPS | {"settings": {"base_url": "http://127.0.0.1"}}, "settings.base_url"),
    ],
)
async def test_invalid_fields_are_named_and_nothing_is_tested(
    shop: Caller, prober: Prober, body: dict[str, object], field: str
) -> None:
    answer = await shop.post("/v1/connections", body)

    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field])
    assert prober.tried == []
    assert SECRET not in answer.text


async def test_new_credentials_replace_the_old_ones_only_if_valid(api: Api, shop: Caller, prober: Prober) -> None:
    made = await add(shop)
    sealed = await api.database.serving.fetchval("select credentials from connection where account is not null")
    new = {"credentials": {"client_id": "me", "client_secret": "another"}}
    prober.answer = CarrierRefused("refused")

    refused = await shop.call("PATCH", f"/v1/connections/{made['id']}", json=new)
    same = await api.database.serving.fetchval("select credentials from connection where account is not null")
    prober.answer = None
    taken = await shop.call("PATCH", f"/v1/connections/{made['id']}", json=new)

    assert (refused.status_code, taken.status_code) == (409, 200)
    assert same == sealed
    await shop.post(f"/v1/connections/{made['id']}/test")
    assert prober.tried[-1] == ("ups", new["credentials"])


async def test_a_disabled_connection_is_paused_and_starts_fresh_when_enabled(shop: Caller) -> None:
    made = await add(shop)

    off = (await shop.call("PATCH", f"/v1/connections/{made['id']}", json={"enabled": False})).json()
    on = (await shop.call("PATCH", f"/v1/connections/{made['id']}", json={"enabled": True, "name": "Back"})).json()

    assert (off["state"], on["state"], on["name"]) == ("paused", "new", "Back")


async def test_deleting_a_connection_deletes_its_credentials(api: Api, shop: Caller) -> None:
    made = await add(shop)

    answer = await shop.call("DELETE", f"/v1/connections/{made['id']}")

    assert answer.status_code == 204
    assert (await shop.get(f"/v1/connections/{made['id']}")).status_code == 404
    assert await api.database.serving.fetchval("select count(*) from connection where account is not null") == 0


async def test_the_operators_connection_is_read_only(shop: Caller) -> None:
    (shared,) = (await shop.get("/v1/connections")).json()["items"]
    path = f"/v1/connections/{shared['id']}"

    assert (await shop.get(path)).status_code == 200
    for method, below, body in (("PATCH", "", {"enabled": False}), ("DELETE", "", None), ("POST", "/test", None)):
        assert (await shop.call(method, path + below, json=body)).status_code == 404


async def test_connections_of_other_accounts_do_not_exist(api: Api, shop: Caller) -> None:
    made = await add(await api.caller())
    path = f"/v1/connections/{made['id']}"

    for method, below, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "mine"}),
        ("DELETE", "", None),
        ("POST", "/test", None),
    ):
        assert (await shop.call(method, path + below, json=body)).status_code == 404


async def test_an_account_can_test_few_credentials_at_a_time(api: Api, shop: Caller, prober: Prober) -> None:
    made = await add(shop)
    prober.held = asyncio.Event()
    path = f"/v1/connections/{made['id']}/test"
    tries = [asyncio.create_task(shop.post(path)) for _ in range(7)]
    (refused,), _ = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
    tried = len(prober.tried)
    other = asyncio.create_task((await api.caller()).post("/v1/connections", UPS))
    while prober.tried[tried:] == []:
        await prober.begun.acquire()
    prober.held.set()
    answers = await asyncio.gather(*tries)

    assert tried == 3  # one to add it, two at a time; four wait
    assert (refused.result().status_code, refused.result().json()["code"]) == (429, "too_many_requests")
    assert sorted(answer.status_code for answer in answers) == [200] * 6 + [429]
    assert (await other).status_code == 201


async def test_an_insufficient_budget_is_reported_with_the_shortfall(api: Api, shop: Caller) -> None:
    made = await add(shop, settings={"daily_calls": "24"})
    connection = ids.from_text(ids.CONNECTION, made["id"])
    assert isinstance(connection, UUID)
    ups = carriers.find("ups")
    assert ups is not None
    spent = take(begin(ups.granted({"daily_calls": "24"}), 0), 0, urgent=True).spending
    await api.database.serving.execute(
        "update connection_health set spending = $1 where connection = $2",
        msgspec.msgpack.encode(msgspec.structs.replace(spent, at=2**42, spent_today=7)),
        connection,
    )
    for number in range(12):
        await shop.post("/v4/trackings/create", {"tracking_number": f"1Z{number}", "courier_code": "ups"})
    await api.database.serving.execute(
        "update watch set connection = $1, next_poll_at = now() - interval '2 hours'", connection
    )

    found = (await shop.get(f"/v1/connections/{made['id']}")).json()

    assert (found["parcels"], found["asks_left"]) == (12, 17)
    assert found["behind_seconds"] >= 7200
    assert found["message"] == (
        "24 calls per day for 12 parcels mean that each is polled every 12 hours. Ask UPS for a higher limit."
    )


async def test_changes_of_connections_are_audited_without_credentials(api: Api, shop: Caller) -> None:
    made = await add(shop)
    path = f"/v1/connections/{made['id']}"
    await shop.call("PATCH", path, json={"credentials": UPS["credentials"], "name": "New"})
    await shop.call("DELETE", path)

    rows = await api.database.serving.fetch("select action, subject, changes::text from audit_entry order by number")

    assert [(row["action"], row["subject"]) for row in rows] == [
        ("connection.added", "UPS"),
        ("connection.changed", "New"),
        ("connection.deleted", "New"),
    ]
    assert SECRET not in str(rows)


async def test_unknown_codes_are_listed_at_the_connection_of_their_source(api: Api, shop: Caller) -> None:
    made = await add(shop)
    other = await api.caller()
    async with api.database.serving.acquire() as session:
        seen = {UnreadKey(shop.account, "ups", "XX", "Odd"): 3, UnreadKey(shop.account, "dhl", "", "Odder"): 1}
        await unread_changes.count_unread(session, seen | {UnreadKey(other.account, "ups", "YY", "Theirs"): 9})

    shared, mine = (await shop.get("/v1/connections")).json()["items"]

    assert mine["id"] == made["id"]
    assert mine["unknown_codes"] == [{"code": "XX", "text": "Odd", "seen": 3}]
    assert shared["unknown_codes"] == [{"code": "", "text": "Odder", "seen": 1}]


async def test_the_operators_connection_shows_only_ones_own_parcels(api: Api, shop: Caller) -> None:
    other = await api.caller()
    for number, caller in enumerate((shop, other, other)):
        await caller.post("/v4/trackings/create", {"tracking_number": f"A{number}", "courier_code": "dhl"})
    (shared,) = (await shop.get("/v1/connections")).json()["items"]
    await api.database.serving.execute(
        "update watch set connection = $1, next_poll_at = now() - interval '3 hours'",
        ids.from_text(ids.CONNECTION, shared["id"]),
    )

    (shared,) = (await shop.get("/v1/connections")).json()["items"]

    assert shared["parcels"] == 1
    assert "3 parcels" not in shared["message"]
    assert "too few for the parcels of all accounts" in shared["message"]


async def test_a_rate_limited_connection_shows_until_when(api: Api, shop: Caller) -> None:
    made = await add(shop)
    ups = carriers.find("ups")
    assert ups is not None
    until = round(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1000)
    spent = msgspec.structs.replace(begin(ups.budget, 0), paused_until=until)
    await api.database.serving.execute(
        "update connection_health set state = 'limited', spending = $1 where connection = $2",
        msgspec.msgpack.encode(spent),
        ids.from_text(ids.CONNECTION, made["id"]),
    )

    found = (await shop.get(f"/v1/connections/{made['id']}")).json()

    assert (found["state"], found["limited_until"]) == ("limited", "2100-01-01T00:00:00.000Z")


async def test_credentials_sealed_with_another_key_are_reported_and_replaceable(api: Api, shop: Caller) -> None:
    made = await add(shop)
    path = f"/v1/connections/{made['id']}"
    await api.database.serving.execute("update connection set credentials = '\\x0102' where account is not null")

    found = (await shop.get(path)).json()
    tried = (await shop.post(f"{path}/test")).json()
    repaired = (await shop.call("PATCH", path, json={"credentials": UPS["credentials"]})).json()

    assert "another WAYPOST_SECRET_KEY" in found["message"]
    assert (tried["ok"], tried["message"]) == (False, found["message"])
    assert (found["credentials_set"], repaired["message"]) == ([], None)
