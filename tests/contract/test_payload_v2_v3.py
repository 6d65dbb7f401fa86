"""The bodies of V2 and V3, signature included, against the published examples, their schemas and the official rule."""

import hashlib
import hmac
import json

import jsonschema
import msgspec
import pytest
from hypothesis import given

from tests.support.examples import examples
from tests.support.states import registered_state, states, travelling_state, with_facts
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.endpoints import Version
from waypost.domain.statuses import SELECTABLE, Status
from waypost.domain.trackings import Source, Update, apply
from waypost.payloads import render, schemas, sign_inside, v2, v3
from waypost.payloads.countries import country_name
from waypost.payloads.samples import sample_state
from waypost.signing import v2v3

EMAIL = "info@trackingmore.org"
SIGNED_AT = 1_653_632_765
SIGNATURE = "0d90bb874fed0b056d8b3aa794529ebacd49932a0cea691629b63eaf2ca9d400"
INSIDE = (Version.V2, Version.V3)
VALIDATORS = {version: jsonschema.Draft202012Validator(json.loads(schemas.load(version))) for version in INSIDE}

# The examples of trackingmore.md A5 and A6, written out by hand, with the two older scans that they do not show.
# Times of records are UTC in every version, and V2's link is the one that the state holds.
V3_EXAMPLE = (
    '{"code":200,"message":null,"data":{"id":"9b0c1d2e3f405162738495a6b7c8d9e0","tracking_number":"TESTPARCEL0001",'
    '"courier_code":"usps","order_number":"ORD-77","delivery_status":"transit","archived":false,"updating":true,'
    '"created_at":"2026-03-01T08:00:00+00:00","update_date":"2026-03-02T09:30:10+00:00","shipping_date":null,'
    '"customer_name":"A. Buyer","customer_email":"","customer_phone":"","title":null,"logistics_channel":"",'
    '"note":null,"destination":"DE","original":"US","service_code":null,"weight":null,"substatus":"transit002",'
    '"status_info":null,"previously":null,"destination_track_number":null,"exchangeNumber":null,"consignee":null,'
    '"scheduled_delivery_date":null,"Scheduled_Address":null,'
    '"latest_event":"Arrived at hub,ALBANY NY,2026-03-02 08:15","lastest_checkpoint_time":'
    '"2026-03-02T08:15:00+00:00","transit_time":1,"stay_time":0,"origin_info":'
    '{"courier_code":"usps","courier_phone":"","weblink":"https://www.usps.com/","reference_number":null,'
    '"received_date":"2026-03-01T18:00:00+00:00","dispatched_date":null,"departed_airport_date":null,'
    '"arrived_abroad_date":null,"customs_received_date":null,"arrived_destination_date":null,"trackinfo":['
    '{"checkpoint_date":"2026-03-02 08:15","tracking_detail":"Arrived at hub","location":"ALBANY NY",'
    '"checkpoint_delivery_status":"transit","checkpoint_delivery_substatus":"transit002"},'
    '{"checkpoint_date":"2026-03-01 18:00","tracking_detail":"Accepted","location":"ALBANY NY",'
    '"checkpoint_delivery_status":"transit","checkpoint_delivery_substatus":"transit001"},'
    '{"checkpoint_date":"2026-03-01 07:00","tracking_detail":"Label created","location":"ALBANY NY",'
    '"checkpoint_delivery_status":"inforeceived","checkpoint_delivery_substatus":"inforeceived001"}]},'
    '"destination_info":{"courier_code":null,"courier_phone":"","weblink":null,"reference_number":null,'
    '"received_date":null,"dispatched_date":null,"departed_airport_date":null,"arrived_abroad_date":null,'
    '"customs_received_date":null,"arrived_destination_date":null,"trackinfo":[]}},'
    f'"verify":{{"timestamp":{SIGNED_AT},"signature":"{SIGNATURE}","usertag":""}}}}'
)
V2_EXAMPLE = (
    '{"meta":{"code":200,"type":"Success","message":"Success"},"data":{"id":"9b0c1d2e3f405162738495a6b7c8d9e0",'
    '"tracking_number":"TESTPARCEL0001","carrier_code":"usps","status":"transit",'
    '"created_at":"2026-03-01T08:00:00+00:00","updated_at":"2026-03-02T09:30:10+00:00","order_create_time":null,'
    '"title":null,"order_id":"ORD-77","comment":null,"customer_name":"A. Buyer","customer_email":null,'
    '"original_country":"United States","destination_country":"Germany","itemTimeLength":1,"stayTimeLength":0,'
    '"singed_by":null,"substatus":"transit002","origin_info":{"ItemReceived":"2026-03-01 18:00",'
    '"ItemDispatched":null,"DepartfromAirport":null,"ArrivalfromAbroad":null,"CustomsClearance":null,'
    '"DestinationArrived":null,"weblink":"https://www.usps.com/","phone":null,"carrier_code":"usps","trackinfo":['
    '{"Date":"2026-03-02 08:15","StatusDescription":"Arrived at hub","Details":"ALBANY NY",'
    '"checkpoint_status":"transit","substatus":"transit002"},'
    '{"Date":"2026-03-01 18:00","StatusDescription":"Accepted","Details":"ALBANY NY","checkpoint_status":"transit",'
    '"substatus":"transit001"},{"Date":"2026-03-01 07:00","StatusDescription":"Label created",'
    '"Details":"ALBANY NY","checkpoint_status":"notfound","substatus":"notfound001"}]},"destination_info":'
    '{"trackinfo":[]},"lastEvent":"Arrived at hub,ALBANY NY,2026-03-02 08:15","lastUpdateTime":"2026-03-02 08:15"},'
    f'"verifyInfo":{{"timeStr":{SIGNED_AT},"signature":"{SIGNATURE}"}}}}'
)


def sent(version: Version, state) -> bytes:
    return sign_inside(version, render(version, state), SIGNED_AT, v2v3.sign(SIGNED_AT, EMAIL))


def shown(version: Version, state):
    return json.loads(render(version, state))["data"]


@pytest.mark.parametrize(("version", "example"), [(Version.V3, V3_EXAMPLE), (Version.V2, V2_EXAMPLE)])
def test_the_specifications_example_is_sent_byte_for_byte_with_the_published_signature(version, example):
    assert sent(version, travelling_state()) == example.encode()


def test_the_published_signature_matches_the_official_rule():
    assert hmac.new(EMAIL.encode(), str(SIGNED_AT).encode(), hashlib.sha256).hexdigest() == SIGNATURE


@pytest.mark.parametrize("version", INSIDE)
@examples(40)
@given(state=states())
def test_every_body_is_one_valid_line_of_compact_ascii(version, state):
    body = sent(version, state)

    VALIDATORS[version].validate(json.loads(body))
    assert body.isascii()
    assert b"\n" not in body
    assert body == json.dumps(json.loads(body), separators=(",", ":")).encode().replace(b"\\u007f", b"\x7f")


@pytest.mark.parametrize("version", INSIDE)
@examples(40)
@given(state=states())
def test_a_state_read_back_from_the_store_renders_to_the_same_bytes(version, state):
    again = msgspec.json.decode(msgspec.json.encode(state), type=type(state))

    assert render(version, again) == render(version, state)


@pytest.mark.parametrize(
    ("version", "structs", "own"),
    [
        (
            Version.V3,
            {"tracking": v3.TrackingObject, "courier_info": v3.CourierInfo, "trackinfo": v3.TrackInfo},
            ("code", "message", "data", "verify"),
        ),
        (
            Version.V2,
            {
                "meta": v2.Meta,
                "tracking": v2.TrackingObject,
                "courier_info": v2.CourierInfo,
                "destination_info": v2.DestinationInfo,
                "trackinfo": v2.TrackInfo,
            },
            ("meta", "data", "verifyInfo"),
        ),
    ],
)
def test_the_schema_has_the_keys_of_the_body_in_their_order(version, structs, own):
    schema = VALIDATORS[version].schema
    definitions = schema["$defs"]

    jsonschema.Draft202012Validator.check_schema(schema)
    assert tuple(schema["properties"]) == own
    assert len(definitions) == len(structs) + 1  # and the signature
    for definition in (schema, *definitions.values()):
        assert definition["required"] == list(definition["properties"])
        assert definition["additionalProperties"] is False
    for name, struct in structs.items():
        assert tuple(definitions[name]["properties"]) == struct.__struct_encode_fields__


@pytest.mark.parametrize("status", SELECTABLE)
def test_v2_sends_notfound_for_unscanned_parcels_and_other_statuses_unchanged(status):
    state = sample_state(status)

    told = shown(Version.V2, state)

    expected = ("notfound", "notfound001") if status is Status.INFORECEIVED else (status, state.substatus)
    assert (told["status"], told["substatus"]) == expected


def test_v3_sends_inforeceived():
    told = shown(Version.V3, sample_state(Status.INFORECEIVED))

    assert (told["delivery_status"], told["substatus"]) == ("inforeceived", "inforeceived001")


def test_missing_texts_are_null_or_empty_if_v3_receivers_type_them_as_text():
    in_v3, in_v2 = shown(Version.V3, registered_state()), shown(Version.V2, registered_state())

    empty = {name for name, value in in_v3.items() if value == ""}
    assert empty == {"customer_email", "customer_phone", "logistics_channel"}
    assert in_v3["origin_info"]["courier_phone"] == in_v3["destination_info"]["courier_phone"] == ""
    assert "" not in in_v2.values()
    assert (in_v2["lastEvent"], in_v2["lastUpdateTime"], in_v3["latest_event"]) == (None, None, None)


def test_facts_have_the_names_of_each_version():
    state = with_facts(
        registered_state(),
        signed_by="S",
        customer_sms="+1",
        note="N",
        exchange_number="X",
        scheduled_address="A",
        order_id="O",
        courier_phone="P",
        tracking_ship_date="D",
        order_date="OD",
    )
    in_v3, in_v2 = shown(Version.V3, state), shown(Version.V2, state)

    names = ("consignee", "customer_phone", "note", "exchangeNumber", "Scheduled_Address", "shipping_date")
    assert [in_v3[name] for name in names] == ["S", "+1", "N", "X", "A", "D"]
    assert [in_v2[name] for name in ("singed_by", "comment", "order_id", "order_create_time")] == ["S", "N", "O", "OD"]
    assert (in_v3["origin_info"]["courier_phone"], in_v2["origin_info"]["phone"]) == ("P", "P")


def test_an_expired_parcel_has_its_days_without_news():
    state = sample_state(Status.EXPIRED)  # last scanned on 3 March, expired on 4 April

    assert shown(Version.V3, state)["stay_time"] == 32
    assert shown(Version.V2, state)["stayTimeLength"] == 32


def test_a_dispatched_parcel_has_its_dispatch_time():
    scan = Checkpoint(
        "2026-03-02T08:15:30",
        "Sealed",
        checkpoint_delivery_status=Status.TRANSIT,
        checkpoint_delivery_substatus="transit006",
    )
    state = apply(registered_state(), Update(Source.POLL, (scan,)), 1_772_443_810_000).state

    assert shown(Version.V3, state)["origin_info"]["dispatched_date"] == "2026-03-02T08:15:30+00:00"
    assert shown(Version.V2, state)["origin_info"]["ItemDispatched"] == "2026-03-02 08:15"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        *(("DE", "Germany"), ("us", "United States"), ("GB", "United Kingdom"), ("TW", "Taiwan"), ("FR", "France")),
        *(("Germany", "Germany"), ("XX", "XX"), (None, None)),
    ],
)
def test_countries_have_their_common_names(code, name):
    assert country_name(code) == name
