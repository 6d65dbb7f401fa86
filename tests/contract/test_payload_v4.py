import json
from itertools import pairwise

import jsonschema
import msgspec
import pytest
from hypothesis import given

from tests.support.examples import examples
from tests.support.states import (
    REGISTERED_AT,
    TEXTS,
    registered_state,
    states,
    travelling_state,
    with_facts,
)
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.endpoints import Version
from waypost.domain.facts import FACTS, WINDOW
from waypost.domain.statuses import SELECTABLE, SUBSTATUSES, Status, status_of
from waypost.payloads import render, schemas, v4
from waypost.payloads.ascii_json import encode
from waypost.payloads.samples import sample_state

SCHEMA = json.loads(schemas.load("V4"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

# The example of trackingmore.md A4, written out by hand. {older} stands for the scans that it does not show.
EXAMPLE = (
    '{"code":200,"message":"Request response is successful","data":{"id":"9b0c1d2e3f405162738495a6b7c8d9e0",'
    '"tracking_number":"TESTPARCEL0001","courier_code":"usps","order_number":"ORD-77","order_date":null,'
    '"created_at":"2026-03-01T08:00:00+00:00","update_at":"2026-03-02T09:30:10+00:00","delivery_status":"transit",'
    '"archived":"tracking","updating":true,"source":"API","destination_country":"DE","destination_state":null,'
    '"destination_city":"BERLIN","origin_country":"US","origin_state":"NY","origin_city":"ALBANY",'
    '"tracking_postal_code":null,"tracking_ship_date":null,"tracking_destination_country":null,'
    '"tracking_origin_country":null,"tracking_key":null,"tracking_courier_account":null,"customer_name":"A. Buyer",'
    '"customer_email":null,"customer_sms":null,"recipient_postcode":null,"order_id":null,"title":null,'
    '"logistics_channel":null,"note":null,"label":null,"signed_by":null,"service_code":null,"weight":null,'
    '"weight_kg":null,"product_type":null,"pieces":null,"dimension":null,"previously":null,'
    '"destination_track_number":null,"exchange_number":null,"scheduled_delivery_date":null,"scheduled_address":null,'
    '"substatus":"transit002","status_info":null,"latest_event":"Arrived at hub, ALBANY NY, 2026-03-02 08:15:00",'
    '"latest_checkpoint_time":"2026-03-02T08:15:00","transit_time":1,"origin_info":{"courier_code":"usps",'
    '"courier_phone":null,"weblink":"https://www.usps.com/","reference_number":null,"milestone_date":'
    '{"inforeceived_date":"2026-03-01T07:00:00","pickup_date":"2026-03-01T18:00:00","outfordelivery_date":null,'
    '"delivery_date":null,"returning_date":null,"returned_date":null},"pickup_date":"2026-03-01T18:00:00",'
    '"departed_airport_date":null,"arrived_abroad_date":null,"customs_received_date":null,"trackinfo":['
    '{"checkpoint_date":"2026-03-02T08:15:00","checkpoint_delivery_status":"transit",'
    '"checkpoint_delivery_substatus":"transit002","tracking_detail":"Arrived at hub","location":"ALBANY NY",'
    '"country_iso2":"US","state":"NY","city":"ALBANY","zip":null,"raw_status":null}{older}]},"destination_info":'
    '{"courier_code":null,"courier_phone":null,"weblink":null,"reference_number":null,"milestone_date":'
    '{"inforeceived_date":null,"pickup_date":null,"outfordelivery_date":null,"delivery_date":null,'
    '"returning_date":null,"returned_date":null},"pickup_date":null,"departed_airport_date":null,'
    '"arrived_abroad_date":null,"customs_received_date":null,"trackinfo":[]}}}'
)
OLDER = (
    ',{"checkpoint_date":"2026-03-01T18:00:00","checkpoint_delivery_status":"transit",'
    '"checkpoint_delivery_substatus":"transit001","tracking_detail":"Accepted","location":"ALBANY NY",'
    '"country_iso2":"US","state":"NY","city":"ALBANY","zip":null,"raw_status":null}'
    ',{"checkpoint_date":"2026-03-01T07:00:00","checkpoint_delivery_status":"inforeceived",'
    '"checkpoint_delivery_substatus":"inforeceived001","tracking_detail":"Label created","location":"ALBANY NY",'
    '"country_iso2":"US","state":"NY","city":"ALBANY","zip":null,"raw_status":null}'
)


def data(state):
    return json.loads(v4.render(state))["data"]


def with_scans(*scans):
    return msgspec.structs.replace(registered_state(), checkpoints=scans)


def test_the_example_of_the_specification_is_rendered_byte_for_byte():
    # Its milestones come from scans that it does not list, so the list is cut to what it shows.
    shown = v4.tracking_object(travelling_state())
    cut = msgspec.structs.replace(shown.origin_info, trackinfo=shown.origin_info.trackinfo[:1])

    body = encode(v4.Body(200, v4.SUCCESS, msgspec.structs.replace(shown, origin_info=cut)))

    assert body == EXAMPLE.replace("{older}", "").encode()


def test_the_whole_history_is_rendered_newest_first_byte_for_byte():
    assert render(Version.V4, travelling_state()) == EXAMPLE.replace("{older}", OLDER).encode()


@examples(40)
@given(states())
def test_every_body_is_valid_against_its_schema(state):
    VALIDATOR.validate(json.loads(v4.render(state)))


@examples(40)
@given(states())
def test_a_body_is_one_line_of_compact_ascii_whose_texts_read_back_as_they_were(state):
    body = v4.render(state)

    assert body.isascii()
    assert b"\n" not in body
    assert body == json.dumps(json.loads(body), separators=(",", ":")).encode().replace(b"\\u007f", b"\x7f")
    shown = [scan["tracking_detail"] for scan in json.loads(body)["data"]["origin_info"]["trackinfo"]]
    assert shown == [scan.tracking_detail for scan in reversed(state.checkpoints)]


@examples(40)
@given(states())
def test_a_state_read_back_from_the_store_renders_to_the_same_bytes(state):
    again = msgspec.json.decode(msgspec.json.encode(state), type=type(state))

    assert v4.render(again) == v4.render(state)


@given(TEXTS)
def test_any_text_is_escaped_so_that_the_standard_library_reads_it_back(text):
    line = encode([text])

    assert line.isascii()
    assert json.loads(line) == [text]


def test_characters_beyond_the_basic_plane_become_surrogate_pairs():
    assert encode("\u00e9\U0001f4e6 \u2028") == rb'"\u00e9\ud83d\udce6 \u2028"'


def test_lone_surrogates_are_rejected():
    with pytest.raises(UnicodeEncodeError):
        encode("\ud83d")


def test_the_schema_has_the_keys_of_the_body_in_their_order():
    definitions = SCHEMA["$defs"]
    pairs = [
        (SCHEMA, v4.Body),
        (definitions["tracking"], v4.TrackingObject),
        (definitions["courier_info"], v4.CourierInfo),
        (definitions["milestone_date"], v4.MilestoneDates),
        (definitions["trackinfo"], v4.TrackInfo),
    ]

    for schema, struct in pairs:
        assert tuple(schema["properties"]) == struct.__struct_fields__
        assert tuple(schema["required"]) == struct.__struct_fields__
        assert schema["additionalProperties"] is False
    assert len(definitions) == len(pairs) - 1


def test_the_schema_is_valid_and_has_every_status():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    known = SCHEMA["$defs"]["tracking"]["properties"]["delivery_status"]["enum"]
    scanned = SCHEMA["$defs"]["trackinfo"]["properties"]["checkpoint_delivery_status"]["enum"]
    assert known == [status.value for status in Status]
    assert scanned == [*known, None]


@pytest.mark.parametrize("path", [(), ("data",), ("data", "origin_info"), ("data", "origin_info", "milestone_date")])
def test_the_schema_rejects_additional_and_missing_keys(path):
    body = json.loads(v4.render(travelling_state()))
    part = body
    for step in path:
        part = part[step]
    key = next(iter(part))

    with_more = VALIDATOR.is_valid(body)
    part["more"] = 1
    assert with_more
    assert not VALIDATOR.is_valid(body)
    del part["more"], part[key]
    assert not VALIDATOR.is_valid(body)


def test_a_version_without_a_schema_has_none():
    with pytest.raises(KeyError):
        schemas.load("V1")


def test_a_parcel_without_news_has_nulls_and_an_empty_history():
    shown = data(registered_state())

    assert (shown["latest_event"], shown["latest_checkpoint_time"], shown["transit_time"]) == (None, None, 0)
    assert shown["origin_info"] == {**shown["destination_info"], "courier_code": "usps"}
    assert shown["origin_info"]["trackinfo"] == []


@pytest.mark.parametrize("name", sorted(FACTS - {"language", *WINDOW}))
def test_a_fact_appears_only_under_its_own_name(name):
    plain = json.loads(v4.render(registered_state()))["data"]

    shown = data(with_facts(registered_state(), **{name: "42"}))

    part = "origin_info" if name in plain["origin_info"] else None
    expected = {**plain, part: {**plain[part], name: "42"}} if part else {**plain, name: "42"}
    assert shown == expected


def test_the_language_of_a_tracking_is_not_on_the_wire():
    assert v4.render(with_facts(registered_state(), language="de")) == v4.render(registered_state())


def test_empty_texts_are_null():
    scan = Checkpoint("2026-03-02T08:15:00", "Arrived", location="", city="", zip="", raw_status="")

    shown = data(with_facts(with_scans(scan), note="", weblink=""))

    assert (shown["note"], shown["origin_info"]["weblink"]) == (None, None)
    [shown_scan] = shown["origin_info"]["trackinfo"]
    assert [shown_scan[name] for name in ("location", "city", "zip", "raw_status")] == [None] * 4


@pytest.mark.parametrize(
    ("detail", "location", "line"),
    [
        ("Arrived", "ALBANY NY", "Arrived, ALBANY NY, 2026-03-02 08:15:00"),
        ("Arrived", None, "Arrived, 2026-03-02 08:15:00"),
        ("", "ALBANY NY", "ALBANY NY, 2026-03-02 08:15:00"),
        ("", "", "2026-03-02 08:15:00"),
    ],
)
def test_the_latest_event_omits_empty_parts(detail, location, line):
    shown = data(with_scans(Checkpoint("2026-03-02T08:15:00", detail, location)))

    assert shown["latest_event"] == line


def test_record_times_are_whole_seconds_of_utc():
    moments = [0, 999, REGISTERED_AT + 59_999, 4_102_444_799_000]

    shown = [data(msgspec.structs.replace(registered_state(), created_at=at))["created_at"] for at in moments]

    assert shown == [
        "1970-01-01T00:00:00+00:00",
        "1970-01-01T00:00:00+00:00",
        "2026-03-01T08:00:59+00:00",
        "2099-12-31T23:59:59+00:00",
    ]


@pytest.mark.parametrize("substatus", sorted(SUBSTATUSES))
def test_updates_are_expected_until_a_parcel_is_delivered_returned_or_expired(substatus):
    state = msgspec.structs.replace(registered_state(), status=status_of(substatus), substatus=substatus)

    over = substatus.startswith(("delivered", "expired")) or substatus == "exception010"
    assert data(state)["updating"] is not over


def test_an_archived_parcel_is_marked_and_expects_no_updates():
    shown = data(msgspec.structs.replace(travelling_state(), archived=True))

    assert (shown["archived"], shown["updating"]) == ("archived", False)


@pytest.mark.parametrize("status", SELECTABLE)
def test_the_sample_of_each_status_is_plausible_and_deterministic(status):
    state = sample_state(status)

    shown = json.loads(v4.render(state))
    VALIDATOR.validate(shown)
    assert shown["data"]["delivery_status"] == status
    assert state == sample_state(status)
    assert all(older.checkpoint_date < newer.checkpoint_date for older, newer in pairwise(state.checkpoints))
    assert bool(state.checkpoints) is (status is not Status.NOTFOUND)


def test_there_is_no_sample_of_pending():
    with pytest.raises(ValueError, match="pending"):
        sample_state(Status.PENDING)
