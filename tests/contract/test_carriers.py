"""Every answer in ``carriers/<carrier>/<case>.json`` is read as its case expects; a new carrier adds no code here."""

import json
import re
from importlib import import_module

import msgspec
import pytest

from tests.support.carrier_cases import CASES, FOLDER, READABLE, SHARED, Case, load
from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.checkpoints import Basis, Checkpoint
from waypost.domain.facts import CARRIER_FACTS, FACTS, LONGEST
from waypost.domain.readings import reread_scan
from waypost.domain.statuses import Status
from waypost.domain.trackings import Skipped, SkipReason, Source, TrackingState, Update, apply, register
from waypost.sources.carriers import CARRIERS
from waypost.sources.carriers.dhl.read import read_answer

NUMBER = "1234567891"


def shared_sample(name: str) -> bytes:
    path = SHARED / "carrier-answers/current-rest" / name
    if not path.exists():
        pytest.skip("the shared data is not here")
    return path.read_bytes()


def one_scan(**scan: object) -> bytes:
    event = {"timestamp": "2026-03-02T10:00:00+01:00", "statusCode": "transit", "description": "Shipment picked up"}
    return json.dumps({"shipments": [{"id": NUMBER, "events": [event | scan]}]}).encode()


def only_checkpoint(body: bytes) -> Checkpoint:
    (checkpoint,) = read_answer(200, body, NUMBER).checkpoints
    return checkpoint


def state_after(*updates: Update) -> TrackingState:
    state = register("0" * 32, NUMBER, "dhl", {}, 0)
    for now, update in enumerate(updates, start=1):
        state = apply(state, update, now).state
    return state


def test_there_are_cases_for_every_carrier() -> None:
    assert set(CARRIERS) == {case.carrier for case in CASES} != set()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_answers_are_read_as_their_cases_expect(case: Case) -> None:
    if case.expected is None:
        with pytest.raises(CarrierUnavailable, match=re.escape(case.expected_error or "a case expects something")):
            case.read()
        return
    update = case.read()

    assert [msgspec.to_builtins(checkpoint) for checkpoint in update.checkpoints] == case.expected["checkpoints"]
    assert update.facts == case.expected["facts"]
    assert update.unknown_number == case.expected["unknown_number"]
    assert [msgspec.to_builtins(one) for one in update.skipped] == case.expected.get("skipped", [])
    assert update.source is Source.POLL


@pytest.mark.parametrize("case", READABLE, ids=str)
def test_facts_have_valid_names_and_are_read_the_same_twice(case: Case) -> None:
    update = case.read()
    again = apply(state_after(update), case.read(), 10)

    assert set(update.facts) <= FACTS
    assert all(0 < len(text) <= LONGEST for text in update.facts.values())
    assert not again.eventful


@pytest.mark.parametrize("case", READABLE, ids=str)
def test_a_stored_scan_is_reread_with_the_same_result(case: Case) -> None:
    reader = getattr(import_module(f"waypost.sources.carriers.{case.carrier}.read"), "reread", None)
    scans = case.read().checkpoints

    assert [reread_scan(scan, reader) for scan in scans] == list(scans)


def test_dhls_own_sample_is_not_read_as_delivered() -> None:
    update = read_answer(200, shared_sample("dhl_universal.TrackingResponseJSON.json"), "7777777770")

    (checkpoint,) = update.checkpoints
    assert (checkpoint.checkpoint_date, checkpoint.offset_minutes) == ("2018-03-02T07:53:47", None)
    assert checkpoint.tracking_detail == "DELIVERED: JESSICA"
    assert checkpoint.checkpoint_delivery_status is Status.INFORECEIVED
    assert checkpoint.raw_status == "pre-transit/DELIVERED"
    assert (checkpoint.country_iso2, checkpoint.zip) == ("NL", "1043 AG")
    assert update.facts["weight_kg"] == "253.5"
    assert update.facts["weblink"] == "http://www.dhl.de/de/privatkunden.html?piececode=7777777770"
    assert "signed_by" not in update.facts


def test_dhls_own_sample_of_an_unknown_number_is_recognised() -> None:
    update = read_answer(404, shared_sample("dhl_universal.TrackingErrorResponseJSON.json"), "8264715546")

    assert update == Update(Source.POLL, unknown_number=True)


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2026-03-02T10:00:00", ("2026-03-02T10:00:00", None)),
        ("2026-03-02T10:00:00Z", ("2026-03-02T10:00:00", None)),
        ("2026-03-02T10:00", ("2026-03-02T10:00:00", None)),
        ("2026-03-02 10:00:00.25", ("2026-03-02T10:00:00", None)),
        ("2026-03-02T10:00:00+05:45", ("2026-03-02T10:00:00", 345)),
        ("2026-03-02T10:00:00-0930", ("2026-03-02T10:00:00", -570)),
        ("2026-03-02T10:00:00+00:00", ("2026-03-02T10:00:00", 0)),
        ("2026-03-02T10:00:00+23:00", ("2026-03-02T10:00:00", None)),
        ("2026-03-02T10:00:00.1234567890", ("2026-03-02T10:00:00", None)),
        ("2026-03-02", ("2026-03-02T00:00:00", None)),
    ],
)
def test_times_are_local_and_only_written_offsets_are_kept(timestamp: str, expected: tuple[str, int | None]) -> None:
    checkpoint = only_checkpoint(one_scan(timestamp=timestamp))

    assert (checkpoint.checkpoint_date, checkpoint.offset_minutes) == expected


GOOD = (
    {"timestamp": "2026-03-01T07:00:00", "statusCode": "transit", "description": "On its way"},
    {"timestamp": "2026-03-03T07:00:00", "statusCode": "delivered", "description": "Delivered"},
)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        *(
            ({"timestamp": text, "description": "Sorted"}, SkipReason.TIME)
            for text in ("", "yesterday", "2026-02-30T10:00:00", "2026-03-02T24:00:00", "2026-03-02T10:00:60")
        ),
        ({"timestamp": "0000-00-00T00:00:00", "description": "Sorted"}, SkipReason.TIME),
        ({"timestamp": None, "description": "Sorted"}, SkipReason.TIME),
        ({"timestamp": "2026-03-02T10:00:00", "description": None}, SkipReason.TEXT),
        ({"timestamp": "2026-03-02T10:00:00", "description": 7}, SkipReason.TYPE),
        (None, SkipReason.TYPE),
        ("Sorted", SkipReason.TYPE),
    ],
)
def test_an_unreadable_scan_does_not_affect_others(bad: object, reason: SkipReason) -> None:
    body = json.dumps({"shipments": [{"id": NUMBER, "events": [GOOD[0], bad, GOOD[1]]}]}).encode()

    update = read_answer(200, body, NUMBER)

    assert [scan.tracking_detail for scan in update.checkpoints] == ["On its way", "Delivered"]
    assert update.skipped == (Skipped("events[1]", reason),)


def test_a_place_or_status_of_a_wrong_type_affects_only_itself() -> None:
    event = GOOD[1] | {"location": "Berlin"}
    body = json.dumps({"shipments": [{"id": NUMBER, "origin": 7, "status": "x", "events": [event]}]}).encode()

    update = read_answer(200, body, NUMBER)

    assert [(scan.tracking_detail, scan.location) for scan in update.checkpoints] == [("Delivered", None)]
    assert update.skipped == (Skipped("status", SkipReason.TYPE),)


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"\xef\xbb\xbf%s", "On its way"),
        (rb"%s \ud83c", "On its way \ufffd"),
        (rb"%s \udf81\ud83c\ud83c\udf81", "On its way \ufffd\ufffd\U0001f381"),
        (rb"%s \\ud83c", r"On its way \ud83c"),
        (b"%s \xed\xa0\xbc", "On its way \ufffd\ufffd\ufffd"),
    ],
)
def test_a_wrong_encoding_loses_no_scan(encoded: bytes, expected: str) -> None:
    mark, _, rest = encoded.partition(b"%s")
    body = mark + json.dumps({"shipments": [{"id": NUMBER, "events": GOOD}]}).encode()

    update = read_answer(200, body.replace(b"On its way", b"On its way" + rest), NUMBER)

    assert [scan.tracking_detail for scan in update.checkpoints] == [expected, "Delivered"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"description": "Processed", "status": "transit"}, "Processed"),
        ({"description": "Delivered to a neighbour", "status": "DELIVERED"}, "Delivered to a neighbour"),
        ({"description": "J. DOE", "status": "Signed"}, "Signed: J. DOE"),
        ({"description": None, "status": "Processed"}, "Processed"),
        ({"description": "", "status": " ", "remark": "Held back"}, "Held back"),
        ({"description": "Processed", "remark": "for now"}, "Processed"),
        ({"description": None}, "transit"),
    ],
)
def test_the_text_of_a_scan_comes_from_where_dhl_put_it(texts: dict[str, str | None], expected: str) -> None:
    assert only_checkpoint(one_scan(**texts)).tracking_detail == expected


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("pre-transit", "Out for delivery", "inforeceived001"),
        ("pre-transit", "The shipment has been cancelled", "exception008"),
        ("transit", "Delivered", "transit001"),
        ("transit", "Returned to sender", "exception011"),
        ("transit", "Delivery attempted", "undelivered004"),
        ("delivered", "Out for delivery", "delivered001"),
        ("delivered", "Delivered, parcel locker", "delivered004"),
        ("failure", "Delivered", "exception005"),
        ("failure", "The delivery is delayed", "transit001"),
        ("DELIVERED", "J. DOE", "delivered001"),
        ("unknown", "Delivered", "delivered001"),
        ("unknown", "J. DOE", None),
    ],
)
def test_a_text_adds_detail_to_a_code_but_never_makes_a_delivery(code: str, text: str, expected: str | None) -> None:
    checkpoint = only_checkpoint(one_scan(statusCode=code, description=text))

    assert checkpoint.checkpoint_delivery_substatus == expected


def test_notifications_keep_a_waiting_parcel_waiting_and_hubs_keep_a_return_returning() -> None:
    scans = load(FOLDER / "dhl/waited_in_a_parcel_shop_and_went_back.json").read().checkpoints

    passed = [state_after(Update(Source.POLL, scans[: number + 1])).substatus for number in range(len(scans))]

    assert passed == [
        *("inforeceived001", "transit002", "pickup001", "undelivered002", "pickup002", "pickup002"),
        *("exception004", "exception004", "exception011", "exception011", "exception010"),
    ]


@pytest.mark.parametrize(
    ("code", "text", "basis"),
    [
        ("transit", "J. DOE", Basis.GENERAL_CODE),
        ("failure", "J. DOE", Basis.GENERAL_CODE),
        ("transit", "Out for delivery", Basis.TEXT),
        ("delivered", "Delivered, parcel locker", Basis.CODE),
        ("unknown", "J. DOE", Basis.TEXT),
    ],
)
def test_a_reading_has_its_basis(code: str, text: str, basis: Basis) -> None:
    assert only_checkpoint(one_scan(statusCode=code, description=text)).basis is basis


def test_next_steps_only_say_where_the_parcel_waits() -> None:
    collect = one_scan(description="Stored", nextSteps="The shipment can be picked up at the PACKSTATION")
    back = one_scan(description="Stored", nextSteps="Return to sender")

    assert only_checkpoint(collect).checkpoint_delivery_substatus == "pickup002"
    assert only_checkpoint(back).checkpoint_delivery_substatus == "transit001"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://www.dhl.com/track?id=1", True),
        ("http://www.dhl.de/", True),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("//www.dhl.de/", False),
        ("https://www.dhl.de/\u202e", False),
        ("https://[www.dhl.de/", False),
        ("https://www.dhl.de/" + "a" * 500, False),
    ],
)
def test_only_a_complete_web_link_becomes_a_fact(url: str, shown: bool) -> None:  # noqa: FBT001 - a table
    body = json.dumps({"shipments": [{"id": NUMBER, "serviceUrl": url}]}).encode()

    assert ("weblink" in read_answer(200, body, NUMBER).facts) is shown


def test_long_texts_are_truncated_and_control_characters_removed() -> None:
    checkpoint = only_checkpoint(one_scan(description="a\u0000b\u202ec" + "d" * 9_000))

    assert checkpoint.tracking_detail == "a b c" + "d" * (LONGEST - 5)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b'{"shipments": null}',
        b'{"shipments": [1]}',
        b'{"shipments": [{"events": "none"}]}',
        b'{"shipments": [{"id": ' + b"9" * 5_000 + b"}]}",
        b"[" * 100_000,
        b"\xff",
    ],
    ids=lambda body: body[:24].decode("ascii", "replace"),
)
def test_an_unreadable_answer_is_not_an_update(body: bytes) -> None:
    with pytest.raises(CarrierUnavailable, match="cannot be read"):
        read_answer(200, body, NUMBER)


def test_a_partial_answer_deletes_nothing() -> None:
    first, second = (one_scan(timestamp=f"2026-03-0{day}T10:00:00+01:00") for day in (2, 3))

    state = state_after(read_answer(200, first, NUMBER), read_answer(200, second, NUMBER))

    assert len(state.checkpoints) == 2


def test_carriers_set_only_facts_that_belong_to_carriers() -> None:
    ends = {"origin_country", "destination_country"}  # the shop may tell them first

    told = {name for case in READABLE for name in (case.expected or {})["facts"]}

    assert told - ends <= set(CARRIER_FACTS)
