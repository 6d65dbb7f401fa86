"""TrackingMore's official clients against a running server; those of other languages by the requests they send."""

import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import trackingmore
from trackingmore import request as sdk_request
from trackingmore.exception import TrackingMoreException

from examples.demo.site import Site
from tests.support import v4_models as models
from tests.support.serving import serving

JUDGES = Path(__file__).parents[1] / "judges" / "node_modules"
NODE_CLIENT = "trackingmore-sdk-nodejs"
NOWHERE = "9a73b452e03c2c724414f3859fad1c2c"
AWB = "235-69030430"


@pytest.fixture(scope="module")
def shop() -> Iterator[Site]:
    with serving(WAYPOST_RATE_LIMIT="off") as server:
        server.start()
        yield server.account()


@pytest.fixture
def client(shop: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the Python client, with the host set in the only way it offers."""
    monkeypatch.setattr(sdk_request, "apiBaseUrl", shop.url.removeprefix("http://"))
    monkeypatch.setattr(sdk_request, "apiPort", 80)
    monkeypatch.setattr(trackingmore, "api_key", shop.headers["tracking-api-key"])
    return trackingmore


def expire(shop: Site, number: str) -> None:
    scan = {"checkpoint_date": "2026-03-02T08:15:00", "tracking_detail": "x", "checkpoint_delivery_status": "expired"}
    update = {"tracking_number": number, "courier_code": "ups", "checkpoints": [scan]}
    shop.post("/v1/updates", {"updates": [update]})


def code(answer: dict[str, Any]) -> int:
    """Return the code of a response without data."""
    assert models.read(None, answer) is None
    return int(answer["meta"]["code"])


def test_the_python_client_can_make_every_call(shop: Site, client: Any) -> None:
    couriers = models.read(list[models.Courier], client.courier.get_all_couriers())
    guesses = models.read(list[models.Courier], client.courier.detect({"tracking_number": "1Z999AA10123456784"}))
    parcel = {"tracking_number": "PY1", "courier_code": "dhl", "title": "Mug", "note": ""}
    made = models.read(models.Tracking, client.tracking.create_tracking(parcel))
    batch = models.read(
        models.Batch,
        client.tracking.batch_create_trackings(
            [{"tracking_number": "PY1", "courier_code": "dhl"}, {"tracking_number": "PY2", "courier_code": "ups"}]
        ),
    )
    wanted = {"tracking_numbers": "PY1,PY2", "created_date_min": "2023-08-23T14:00:00+08:00", "items_amount": 2}
    found = models.read(list[models.Tracking], client.tracking.get_tracking_results(wanted))
    changed = models.read(
        models.Updated, client.tracking.update_tracking_by_id(made.id, {"note": "blue", "courier_code_new": "gls"})
    )
    expire(shop, "PY2")
    again = models.read(models.Tracking, client.tracking.retrack_tracking_by_id(found[0].id))
    gone = models.read(models.Tracking, client.tracking.delete_tracking_by_id(made.id))

    assert len(couriers) > 300
    assert guesses[0].courier_code == "ups"
    assert (made.title, made.note, made.delivery_status) == ("Mug", None, "pending")
    assert [one.tracking_number for one in batch.success] == ["PY2"]
    assert [(one.tracking_number, one.errorCode) for one in batch.error] == [("PY1", 4101)]
    assert [one.tracking_number for one in found] == ["PY2", "PY1"]
    assert (changed.courier_code, changed.title, changed.note) == ("gls", "Mug", "blue")
    assert (again.tracking_number, gone.id) == ("PY2", made.id)


def test_the_python_client_gets_errors_for_invalid_calls(client: Any) -> None:
    tracking = client.tracking
    parcel = {"tracking_number": "PY3", "courier_code": "dhl"}
    made = models.read(models.Tracking, tracking.create_tracking(parcel))

    assert code(tracking.create_tracking(parcel)) == 4101
    assert code(tracking.create_tracking({"tracking_number": "?", "courier_code": "dhl"})) == 4110
    assert code(tracking.create_tracking({"tracking_number": "PY4", "courier_code": "D H L"})) == 4120
    assert code(tracking.create_tracking({**parcel, "colour": "red"})) == 4130
    assert code(tracking.get_tracking_results({"tracking_numbers": ",".join(f"N{n}" for n in range(41))})) == 4103
    assert code(tracking.get_tracking_results({"updated_date_min": "yesterday"})) == 4130
    assert code(tracking.retrack_tracking_by_id(made.id)) == 4113
    assert code(tracking.update_tracking_by_id("x", {})) == 4112
    for answer in (
        tracking.update_tracking_by_id(NOWHERE, {"note": "x"}),
        tracking.delete_tracking_by_id(NOWHERE),
        tracking.retrack_tracking_by_id(NOWHERE),
    ):
        assert code(answer) == 4102
    assert code(client.courier.detect({"tracking_number": "?"})) == 4110
    assert code(client.air_waybill.create_an_air_waybill({"awb_number": AWB})) == 4161
    assert code(client.air_waybill.create_an_air_waybill({"awb_number": "235-69030431"})) == 4160
    with pytest.raises(TrackingMoreException):
        tracking.create_tracking({"tracking_number": "", "courier_code": "dhl"})


def test_the_python_client_gets_an_error_for_a_wrong_key(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "api_key", "nonsense")

    assert code(client.tracking.get_tracking_results({})) == 401


JUDGE = """
const given = JSON.parse(require('node:fs').readFileSync(0))
const https = require('node:https'), http = require('node:http')
https.request = (options, then) => http.request({ ...options, hostname: given.host, port: given.port }, then)
const Client = require(given.client)
const client = new Client(given.key)
;(async () => {
  const made = await client.trackings.createTracking({ tracking_number: 'JS1', courier_code: 'ups', title: 'Mug' })
  const id = made.data.id
  const answers = {
    couriers: await client.couriers.getAllCouriers(),
    detected: await client.couriers.detect({ tracking_number: '1Z999AA10123456784' }),
    made,
    again: await client.trackings.createTracking({ tracking_number: 'JS1', courier_code: 'ups' }),
    batch: await client.trackings.batchCreateTrackings([{ tracking_number: 'JS2', courier_code: 'dhl' }]),
    found: await client.trackings.getTrackingResults({ tracking_numbers: 'JS1', lang: 'en' }),
    updated: await client.trackings.updateTrackingByID(id, { note: 'blue' }),
    early: await client.trackings.retrackTrackingByID(id),
    gone: await client.trackings.deleteTrackingByID(id),
    nowhere: await client.trackings.deleteTrackingByID(id),
    awb: await client.airWaybills.createAnAirWayBill({ awb_number: given.awb }),
  }
  console.log(JSON.stringify(answers))
})()
"""


def node_answers(shop: Site) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here")
    if not (JUDGES / NODE_CLIENT).is_dir():
        pytest.skip(f"{NODE_CLIENT} is not here (make judges)")
    host, _, port = shop.url.removeprefix("http://").partition(":")
    given = {"host": host, "port": port, "key": shop.headers["tracking-api-key"], "client": NODE_CLIENT, "awb": AWB}
    ran = subprocess.run(
        (node, "-e", JUDGE),
        input=json.dumps(given),
        env=os.environ | {"NODE_PATH": str(JUDGES)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers: dict[str, Any] = json.loads(ran.stdout)
    return answers


def test_the_node_client_can_make_every_call(shop: Site) -> None:
    """Its ``get`` sends no query, whatever it is given: the first page comes back."""
    answers = node_answers(shop)

    made = models.read(models.Tracking, answers["made"])
    found = models.read(list[models.Tracking], answers["found"])
    assert len(models.read(list[models.Courier], answers["couriers"])) > 300
    assert models.read(list[models.Courier], answers["detected"])[0].courier_code == "ups"
    assert [one.tracking_number for one in models.read(models.Batch, answers["batch"]).success] == ["JS2"]
    assert [one.tracking_number for one in found][:2] == ["JS2", "JS1"]
    assert (models.read(models.Updated, answers["updated"]).note, made.title) == ("blue", "Mug")
    assert models.read(models.Tracking, answers["gone"]).id == made.id
    assert [code(answers[name]) for name in ("again", "early", "nowhere", "awb")] == [4101, 4113, 4102, 4161]


def exchange(shop: Site, method: str, path: str, body: bytes | None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(shop.url.removeprefix("http://"), timeout=10)
    connection.request(method, path, body, {**shop.headers, "Accept": "application/json", **headers})
    answer = connection.getresponse()
    return answer.status, answer.read()


JSON = {"Content-Type": "application/json"}
EVERY_FIELD = (
    *("order_number", "origin_country_iso2", "destination_country_iso2", "customer_name", "customer_email"),
    *("customer_sms", "recipient_postcode", "title", "logistics_channel", "order_id", "order_date"),
    *("tracking_courier_account", "tracking_postal_code", "tracking_origin_country", "tracking_destination_country"),
    *("tracking_ship_date", "tracking_key", "language", "note", "label", "auto_correct"),
)


@pytest.mark.parametrize(("name", "unset"), [("GO", ""), ("JAVA", None)])
def test_a_typed_client_that_sends_every_unset_field_can_create(shop: Site, name: str, unset: str | None) -> None:
    parcel = {"tracking_number": name, "courier_code": "dhl", **dict.fromkeys(EVERY_FIELD, unset), "title": "Mug"}

    status, answer = exchange(shop, "POST", "/v4/trackings/create", json.dumps(parcel).encode(), **JSON)

    made = models.read(models.Tracking, answer)
    assert (status, made.title, made.customer_name, made.destination_country) == (200, "Mug", None, None)


def test_a_typed_client_updates_with_every_unset_field_and_nothing_is_lost(shop: Site) -> None:
    parcel = {"tracking_number": "GO2", "courier_code": "dhl", "title": "Mug", "customer_name": "A. Buyer"}
    _, answer = exchange(shop, "POST", "/v4/trackings/create", json.dumps(parcel).encode(), **JSON)
    made = models.read(models.Tracking, answer)
    fields = [*EVERY_FIELD[:-1], "courier_code_new", "archived_status"]
    body = json.dumps({**dict.fromkeys(fields, ""), "title": "Cup"}).encode()

    status, answer = exchange(shop, "PUT", f"/v4/trackings/update/{made.id}", body, **JSON)

    changed = models.read(models.Updated, answer)
    assert (status, changed.title, changed.customer_name, changed.courier_code) == (200, "Cup", "A. Buyer", "dhl")


ENCODED = urlencode({"created_date_min": "2023-08-23T06:00:00+00:00", "items_amount": 1})  # as Go and PHP send it
NOT_ENCODED = "created_date_min=2023-08-23T14:00:00+08:00&delivery_status=&items_amount=1"  # as Java and Python do


@pytest.mark.parametrize("query", [ENCODED, NOT_ENCODED, ""])
@pytest.mark.parametrize("headers", [JSON, {}])
def test_queries_of_every_client_are_understood(shop: Site, query: str, headers: dict[str, str]) -> None:
    exchange(shop, "POST", "/v4/trackings/create", b'{"tracking_number":"Q1","courier_code":"dhl"}', **JSON)

    status, answer = exchange(shop, "GET", f"/v4/trackings/get?{query}", None, **headers)

    found = models.read(list[models.Tracking], answer)
    assert status == 200
    assert found


@pytest.mark.parametrize("body", [None, b"", b"null", b"{}"])
@pytest.mark.parametrize("headers", [JSON, {}])
@pytest.mark.parametrize("call", ["POST retrack", "DELETE delete"])
def test_calls_without_a_body_accept_whatever_a_client_sends(
    shop: Site, body: bytes | None, headers: dict[str, str], call: str
) -> None:
    method, name = call.split()

    status, answer = exchange(shop, method, f"/v4/trackings/{name}/{NOWHERE}", body, **headers)

    assert (status, code(json.loads(answer))) == (400, 4102)


@pytest.mark.parametrize("path", ["/v4/awb", "/v4//awb"])
def test_both_paths_of_air_waybills_are_answered(shop: Site, path: str) -> None:
    status, answer = exchange(shop, "POST", path, json.dumps({"awb_number": AWB}).encode(), **JSON)

    assert (status, code(json.loads(answer))) == (400, 4161)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v4/x", 404), ("DELETE", "/v4/trackings/get", 405)])
def test_unknown_paths_do_not_break_a_strict_client(shop: Site, method: str, path: str, status: int) -> None:
    answered, answer = exchange(shop, method, path, None, **JSON)

    assert (answered, code(json.loads(answer))) == (status, status)
