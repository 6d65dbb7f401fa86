"""POST /v1/updates: accepted and rejected input, and idempotency keys."""

import asyncio

import pytest

from tests.support.api import Api, Caller, serving_api
from tests.support.databases import add_endpoint
from waypost.api.report_rates import ReportRates
from waypost.store.database import Database

SCAN = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "Out for delivery", "location": "Bremen"}


def update(number: str = "A1", **fields: object) -> dict[str, object]:
    return {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [SCAN], **fields}


async def reported(shop: Caller, *updates: dict[str, object], **headers: str):
    encoded = {name: text.encode("latin-1") for name, text in headers.items()}
    return await shop.post("/v1/updates", {"updates": list(updates)}, headers=encoded)


async def counted(api: Api) -> tuple[int, int]:
    row = await api.database.serving.fetchrow("select (select count(*) from tracking), (select count(*) from event)")
    assert row is not None
    return tuple(row)


async def test_an_update_creates_the_tracking_its_event_and_a_hint(api: Api, shop: Caller) -> None:
    endpoint = await add_endpoint(api.database, shop.account)

    answer = await reported(shop, update(" a 1 "))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    (result,) = answer.json()["results"]
    assert (answer.json()["accepted"], answer.json()["changed"]) == (1, 1)
    assert result["error"] is None
    row = await api.database.serving.fetchrow("select * from event")
    assert row is not None
    assert (row["tracking"].hex, f"evt_{row['id'].hex}") == (result["tracking_id"], result["event_id"])
    assert (row["tracking_number"], row["status"], row["substatus"]) == ("A1", "pickup", "pickup001")
    assert api.hinted == [endpoint]


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/updates", 415), ("/v4/trackings/create", 415), ("/developer/webhooks", 404)]
)
async def test_an_encoded_body_is_rejected_unread(api: Api, shop: Caller, path: str, status: int) -> None:
    answer = await shop.call("POST", path, content=b"\x1f\x8b not read", headers={"content-encoding": "gzip"})

    assert answer.status_code == status
    if status == 415:
        assert answer.headers["accept-encoding"] == "identity"
        assert "Content-Encoding" in answer.text
    assert await counted(api) == (0, 0)


async def test_repeated_updates_change_nothing(shop: Caller) -> None:
    await reported(shop, update())

    again = (await reported(shop, update())).json()

    assert (again["accepted"], again["changed"], again["results"][0]["event_id"]) == (1, 0, None)


async def test_respelled_updates_create_no_event(api: Api, shop: Caller) -> None:
    for number in range(4):
        offset = "+02:00" if number % 2 else ""
        scan = {**SCAN, "checkpoint_date": SCAN["checkpoint_date"] + offset, "location": "Bremen" + " " * number}
        day = "2026-07-05" + "T00:00:00" * (number % 2)
        await reported(shop, update(checkpoints=[scan], scheduled_delivery_date=day, signed_by=f"J.{' ' * number} Doe"))

    assert await counted(api) == (1, 1)


async def test_each_unread_scan_is_an_event_of_a_parcel_that_is_no_longer_pending(api: Api, shop: Caller) -> None:
    seen = []
    for day in (1, 2, 3):
        scan = {"checkpoint_date": f"2026-07-0{day}T08:00:00", "tracking_detail": "Lorem ipsum dolor"}
        await reported(shop, update(checkpoints=[scan]))
        seen.append((await shop.get("/v4/trackings/get?tracking_numbers=A1")).json()["data"][0]["substatus"])

    assert seen == ["inforeceived001", "transit001", "transit001"]
    assert await counted(api) == (1, 3)


async def test_a_date_without_a_time_means_midnight(shop: Caller) -> None:
    await reported(shop, update(checkpoints=[{**SCAN, "checkpoint_date": "2026-07-01"}]))

    shown = (await shop.get("/v4/trackings/get?tracking_numbers=A1")).json()["data"][0]
    assert shown["latest_checkpoint_time"] == "2026-07-01T00:00:00"


async def test_an_unknown_parcel_is_an_error_of_its_own_update(api: Api, shop: Caller) -> None:
    answer = (await reported(shop, update("A1", create=False), update("A2"))).json()

    assert (answer["accepted"], answer["changed"]) == (1, 1)
    assert answer["results"][0]["tracking_id"] is None
    assert answer["results"][0]["error"]["code"] == "unknown_tracking"
    assert await counted(api) == (1, 1)


async def test_facts_and_offsets_are_stored_and_empty_texts_count_as_missing(shop: Caller) -> None:
    scan = {**SCAN, "checkpoint_date": "2026-07-01 08:00:00+02:00", "city": ""}

    texts = {"signed_by": "A. Neighbour", "title": "", "order_number": None, "order_date": "", "origin_country": "de"}
    await reported(shop, {**update(checkpoints=[scan]), **texts})

    shown = (await shop.get("/v4/trackings/get?tracking_numbers=A1")).json()["data"][0]
    assert (shown["signed_by"], shown["origin_country"]) == ("A. Neighbour", "DE")
    assert (shown["title"], shown["order_number"], shown["order_date"]) == (None, None, None)
    assert shown["origin_info"]["trackinfo"][0]["checkpoint_date"] == "2026-07-01T08:00:00"
    assert shown["origin_info"]["trackinfo"][0]["city"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tracking_number": ""}, "updates[1].tracking_number"),
        ({"tracking_number": "a" * 65}, "updates[1].tracking_number"),
        ({"tracking_number": None}, "updates[1].tracking_number"),
        ({"courier_code": "DHL!"}, "updates[1].courier_code"),
        ({"create": "yes"}, "updates[1].create"),
        ({"parcel": 1}, "updates[1].parcel"),
        ({"signed_by": "x" * 501}, "updates[1].signed_by"),
        ({"signed_by": "a\0b"}, "updates[1].signed_by"),
        ({"weight": 3}, "updates[1].weight"),
        ({"order_date": "yesterday"}, "updates[1].order_date"),
        ({"order_date": "2026-02-30"}, "updates[1].order_date"),
        ({"destination_country": "Germany"}, "updates[1].destination_country"),
        ({"origin_country": "4"}, "updates[1].origin_country"),
        ({"language": "the tongue of angels"}, "updates[1].language"),
        ({"checkpoints": {}}, "updates[1].checkpoints"),
        ({"checkpoints": [SCAN] * 201}, "updates[1].checkpoints"),
        ({"checkpoints": [{**SCAN, "checkpoint_date": "yesterday"}]}, "updates[1].checkpoints[0].checkpoint_date"),
        (
            {"checkpoints": [{**SCAN, "checkpoint_date": "2026-02-30T08:00"}]},
            "updates[1].checkpoints[0].checkpoint_date",
        ),
        *(
            ({"checkpoints": [{**SCAN, "checkpoint_date": date}]}, "updates[1].checkpoints[0].checkpoint_date")
            for date in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-03-01T08:00:00+14:01")
        ),
        ({"checkpoints": [SCAN, {**SCAN, "tracking_detail": " "}]}, "updates[1].checkpoints[1].tracking_detail"),
        ({"checkpoints": [{**SCAN, "country_iso2": "de"}]}, "updates[1].checkpoints[0].country_iso2"),
        ({"checkpoints": [{**SCAN, "zip": "1" * 201}]}, "updates[1].checkpoints[0].zip"),
        ({"checkpoints": [{**SCAN, "where": "x"}]}, "updates[1].checkpoints[0].where"),
        (
            {"checkpoints": [{**SCAN, "checkpoint_delivery_status": "lost"}]},
            "updates[1].checkpoints[0].checkpoint_delivery_status",
        ),
        (
            {
                "checkpoints": [
                    {**SCAN, "checkpoint_delivery_status": "transit", "checkpoint_delivery_substatus": "pickup001"}
                ]
            },
            "updates[1].checkpoints[0].checkpoint_delivery_substatus",
        ),
    ],
)
async def test_invalid_fields_are_named_and_nothing_of_the_request_is_done(
    api: Api, shop: Caller, change: dict[str, object], field: str
) -> None:
    answer = await reported(shop, update("A1"), {**update("A2"), **change})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "invalid_request"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await counted(api) == (0, 0)


async def test_responses_do_not_repeat_long_names(shop: Caller) -> None:
    answer = await reported(shop, update("A1", **{"x" * 1_000_000: 1}))

    assert answer.status_code == 422
    assert len(answer.content) < 2_000


async def test_several_errors_are_reported_together(shop: Caller) -> None:
    answer = await reported(shop, update("", courier_code=""), update("A2", signed_by="x" * 501))

    fields = [error["field"] for error in answer.json()["errors"]]
    assert fields == ["updates[0].tracking_number", "updates[0].courier_code", "updates[1].signed_by"]


@pytest.mark.parametrize("count", [0, 1001])
async def test_one_to_a_thousand_updates_are_accepted_at_once(shop: Caller, count: int) -> None:
    answer = await reported(shop, *[update(f"A{number}") for number in range(count)])

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "updates")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"updates": [{"tracking_number": "\\ud800"}]}', b"NaN"]
)
async def test_invalid_json_is_reported(shop: Caller, body: bytes) -> None:
    answer = await shop.call("POST", "/v1/updates", content=body)

    assert (answer.status_code, answer.json()["code"]) in ((400, "malformed_json"), (422, "invalid_request"))
    assert "Traceback" not in answer.text


async def test_a_body_over_four_mebibytes_is_rejected(shop: Caller) -> None:
    answer = await shop.call("POST", "/v1/updates", content=b" " * (4 << 20) + b"{}")

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_updates_affect_only_parcels_of_their_own_account(api: Api, shop: Caller) -> None:
    other = await api.caller()
    await reported(shop, update("A1"))

    answer = (await reported(other, update("A1", create=False))).json()

    assert answer["results"][0]["error"]["code"] == "unknown_tracking"
    assert await counted(api) == (1, 1)


class TestIdempotencyKeys:
    async def test_a_repeated_request_is_done_once_with_the_same_response(self, shop: Caller) -> None:
        first = await reported(shop, update(), **{"idempotency-key": "k1"})

        again = await reported(shop, update(), **{"idempotency-key": "k1"})

        assert (again.status_code, again.content) == (200, first.content)
        assert first.json()["changed"] == 1

    async def test_another_request_with_the_same_key_is_rejected(self, api: Api, shop: Caller) -> None:
        await reported(shop, update("A1"), **{"idempotency-key": "k1"})

        other = await reported(shop, update("A2"), **{"idempotency-key": "k1"})

        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
        assert await counted(api) == (1, 1)

    async def test_idempotency_keys_belong_to_their_account(self, api: Api, shop: Caller) -> None:
        other = await api.caller()
        await reported(shop, update("A1"), **{"idempotency-key": "k1"})

        answer = await reported(other, update("A2"), **{"idempotency-key": "k1"})

        assert answer.status_code == 200

    async def test_concurrent_requests_with_one_key_are_done_once(self, api: Api, shop: Caller) -> None:
        answers = await asyncio.gather(
            *[reported(shop, update(f"A{n}"), **{"idempotency-key": f"k{n}"}) for n in range(10) for _ in range(8)]
        )

        done = [answer for answer in answers if answer.status_code == 200]
        assert {answer.status_code for answer in answers} <= {200, 409}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"still_running"}
        assert len({answer.content for answer in done}) == 10
        assert await counted(api) == (10, 10)

    async def test_a_key_in_use_by_another_process_is_not_waited_for(self, api: Api, shop: Caller) -> None:
        async with api.database.engine.acquire() as session, session.transaction():
            await session.execute(
                "select pg_advisory_xact_lock(hashtextextended($1::uuid::text || 'k1', 5))", shop.account
            )

            answer = await reported(shop, update(), **{"idempotency-key": "k1"})

        assert (answer.status_code, answer.json()["code"]) == (409, "still_running")
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["retry-after"] == "1"
        assert await counted(api) == (0, 0)

    async def test_after_a_day_a_key_is_new_again(self, api: Api, shop: Caller) -> None:
        await reported(shop, update("A1"), **{"idempotency-key": "k1"})
        await api.database.serving.execute("update idempotency set at = at - interval '25 hours'")

        answer = await reported(shop, update("A2"), **{"idempotency-key": "k1"})

        assert (answer.status_code, await counted(api)) == (200, (2, 2))

    @pytest.mark.parametrize("key", ["", "k" * 256, "k\u00e9"])
    async def test_invalid_idempotency_keys_are_rejected(self, shop: Caller, key: str) -> None:
        answer = await reported(shop, update(), **{"idempotency-key": key})

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


async def test_a_lost_database_is_a_503_and_intake_resumes_afterwards(api: Api, shop: Caller) -> None:
    await reported(shop, update("A1"))
    await api.database.serving.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )

    answers = [await reported(shop, update(f"A{number}")) for number in range(2, 20)]

    assert {answer.status_code for answer in answers} <= {200, 503, 500}
    assert answers[-1].status_code == 200


async def test_an_account_over_its_rate_learns_when_to_retry(database: Database) -> None:
    clock = [1000.0]
    rates = ReportRates(scans=5, size=1 << 20, clock=lambda: clock[0])
    async with serving_api(database, report_rates=rates) as api:
        shop, other = await api.caller(), await api.caller()
        assert (await reported(shop, *[update(f"A{number}") for number in range(130)])).status_code == 200

        refused = await reported(shop, update("A1"))

        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert refused.headers["retry-after"] == "7"
        assert (await reported(other, update("A1"))).status_code == 200
        clock[0] += 7
        assert (await reported(shop, update("A1"))).status_code == 200


async def test_a_rejected_body_counts_against_the_rate(database: Database) -> None:
    rates = ReportRates(scans=5, size=1 << 20, clock=lambda: 1000.0)
    async with serving_api(database, report_rates=rates) as api:
        shop = await api.caller()
        wrong = [update(f"A{number}", signed_by="x" * 501) for number in range(130)]
        assert (await reported(shop, *wrong)).status_code == 422

        assert (await reported(shop, update("A1"))).status_code == 429


async def test_a_parcel_that_is_created_with_a_second_courier_is_named_in_a_header(shop: Caller) -> None:
    def update(courier: str) -> dict[str, object]:
        scan = {"checkpoint_date": "2026-03-04T13:20:00", "tracking_detail": "Out for delivery"}
        return {"tracking_number": "A1", "courier_code": courier, "create": True, "checkpoints": [scan]}

    first = await shop.post("/v1/updates", {"updates": [update("dhl")]})
    second = await shop.post("/v1/updates", {"updates": [update("ups")]})
    known = await shop.post("/v1/updates", {"updates": [update("ups")]})

    assert second.headers["waypost-also-tracked"] == "A1=dhl"
    assert "waypost-also-tracked" not in first.headers
    assert "waypost-also-tracked" not in known.headers
