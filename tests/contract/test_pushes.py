"""Every service's push with its signature is accepted and read; with one bit changed it is refused."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.carrier_cases import SHARED
from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.inbound import Contents, Push, WrongSignature
from waypost.domain.trackings import apply, register
from waypost.sources import pushes, senders
from waypost.sources.couriers.table import is_known
from waypost.sources.pushes import courier_names
from waypost.sources.sender import PushSender

FOLDER = Path(__file__).with_name("pushes")
VECTORS = tomllib.loads((FOLDER / "vectors.toml").read_text("utf-8"))
NOW: int = VECTORS["now"]
ARRIVED_AT = NOW * 1000
CREDENTIALS = {"secret": VECTORS["secret"], "api_key": VECTORS["secret"], "email": VECTORS["email"]}
COVERED = {"17track", "aftership", "easypost", "shippo", "fedex-push", "usps-push"}
"""The services whose signature covers the body; the others send a credential, or sign the time only."""
SAMPLES: list[dict[str, Any]] = VECTORS["push"]
IDS = [f"{one['body'].removesuffix('.json')}-{place}" for place, one in enumerate(SAMPLES)]
N = "9400111899560000000017"
READ = {
    "17track": ("RB000000019CN", "china-post", "pickup001", 2),
    "aftership": (N, "usps", "delivered002", 2),
    "easypost": (N, "usps", "pickup002", 2),
    "ship24": (N, "usps", "exception009", 1),
    "shippo": (N, "usps", "undelivered002", 2),
    "trackingmore-v4": (N, "usps", "transit003", 1),
    "trackingmore-v3": (N, "usps", "transit003", 1),
    "trackingmore-v2": (N, "usps", "inforeceived001", 1),
    "fedex-push": ("770000000018", "fedex", "pickup002", 1),
    "usps-push": (N, "usps", "pickup002", 1),
    "ups-track-alert": ("1Z0000000000000018", "ups", "delivered001", 1),
    "dhl-push": ("00340000000000000017", "dhl-germany", "delivered001", 1),
    "dhl-ecommerce": ("9261200000000000000019", "dhlglobalmail", "pickup001", 1),
}
"""Number, courier code, substatus and how many scans, by body."""


def sender(name: str) -> PushSender:
    found = senders.find(name)
    assert found is not None
    return found


def push_of(sample: dict[str, Any]) -> Push:
    headers = {name.lower(): text for name, text in sample["headers"].items()}
    return Push((FOLDER / sample["body"]).read_bytes(), headers)


def read(name: str, body: bytes) -> Contents:
    return sender(name).read(Push(body, {}), ARRIVED_AT)


def flips(raw: bytes, begin: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield a text with one bit changed, for every byte of a part of it."""
    for place in range(begin, len(raw) if end is None else end):
        yield raw[:place] + bytes([raw[place] ^ 1 << place % 7]) + raw[place + 1 :]


def accepted(one: PushSender, push: Push) -> bool:
    try:
        one.verify(push, CREDENTIALS, NOW)
    except WrongSignature:
        return False
    return True


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_every_sample_is_accepted_and_read(sample: dict[str, Any]) -> None:
    one, push = sender(sample["source"]), push_of(sample)

    assert accepted(one, push)
    contents = one.read(push, ARRIVED_AT)

    number, courier, substatus, scans = READ[sample["body"].removesuffix(".json")]
    told = contents.told[0]
    assert (told.tracking_number, told.courier_code, contents.note) == (number, courier, None)
    assert told.update is not None
    state = apply(register("0" * 32, number, courier, {}, 0), told.update, ARRIVED_AT).state
    assert (state.substatus, len(state.checkpoints), told.update.skipped) == (substatus, scans, ())


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_one_changed_bit_of_a_signature_time_or_credential_is_refused(sample: dict[str, Any]) -> None:
    one, push = sender(sample["source"]), push_of(sample)
    for name, text in push.headers.items():
        begin = len("Bearer ") if text.startswith("Bearer ") else 0
        for changed in flips(text.encode(), begin):
            spoiled = Push(push.body, {**push.headers, name: changed.decode("latin-1")})
            assert not accepted(one, spoiled), (name, changed)
        without = {other: kept for other, kept in push.headers.items() if other != name}
        assert not accepted(one, Push(push.body, without)), name


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one["source"] in COVERED], ids=lambda one: one["source"])
def test_one_changed_bit_of_a_body_is_refused_where_the_signature_covers_it(sample: dict[str, Any]) -> None:
    one, push = sender(sample["source"]), push_of(sample)

    assert [body for body in flips(push.body) if accepted(one, Push(body, push.headers))] == []
    assert not accepted(one, Push(push.body + b" ", push.headers))
    assert not accepted(one, Push(b"", push.headers))


@pytest.mark.parametrize("version", ["trackingmore-v2", "trackingmore-v3"])
def test_one_changed_bit_of_a_signature_within_the_body_is_refused(version: str) -> None:
    body = (FOLDER / f"{version}.json").read_bytes()
    begin = body.index(b'"verify')
    end = body.index(b'","usertag') if b"usertag" in body else len(body) - 3

    kept = [changed for changed in flips(body, begin, end) if accepted(sender("trackingmore"), Push(changed, {}))]

    assert kept == []


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_trackingmore_signature_that_is_too_old_or_too_new_is_refused(seconds: int) -> None:
    (sample,) = [one for one in SAMPLES if one["body"] == "trackingmore-v4.json"]

    with pytest.raises(WrongSignature, match="five minutes"):
        sender("trackingmore").verify(push_of(sample), CREDENTIALS, NOW + seconds)


@pytest.mark.parametrize("name", [one.name for one in pushes.senders() if one.fields])
def test_a_connection_without_its_secret_accepts_nothing_but_what_needs_none(name: str) -> None:
    for sample in [one for one in SAMPLES if one["source"] == name]:
        if name == "shippo":  # its address is its credential until Shippo has provisioned a secret
            assert sender(name).verify(push_of(sample), {}, NOW) == "address"
        else:
            with pytest.raises(WrongSignature):
                sender(name).verify(push_of(sample), {}, NOW)


@pytest.mark.parametrize("name", [one.name for one in pushes.senders()])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"<html>", b'{"data":7}', b"\xff" * 9, b"[" * 9000])
def test_any_other_body_is_unreadable_or_ignored(name: str, body: bytes) -> None:
    try:
        contents = read(name, body)
    except CarrierUnavailable:
        return
    assert contents.told == ()


ODD: tuple[Any, ...] = (None, 7, "\u0000", [], {}, "x" * 10_000)


def odd_values(value: Any) -> Iterator[None]:
    """Replace a body's values one after the other by values of other types, for one step each."""
    if isinstance(value, dict | list):
        for place in list(value) if isinstance(value, dict) else range(len(value)):
            before = value[place]
            for odd in ODD:
                value[place] = odd
                yield
            value[place] = before
            yield from odd_values(before)


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_an_odd_value_anywhere_makes_a_push_unreadable_at_worst(sample: dict[str, Any]) -> None:
    document = json.loads((FOLDER / sample["body"]).read_bytes())
    for _ in odd_values(document):
        try:
            contents = read(sample["source"], json.dumps(document).encode())
        except CarrierUnavailable:
            continue
        for told in contents.told:
            assert told.update is not None
            apply(register("0" * 32, told.tracking_number, "x", {}, 0), told.update, ARRIVED_AT)


def test_the_same_push_has_the_same_key_however_it_is_signed() -> None:
    first = json.loads((FOLDER / "trackingmore-v3.json").read_bytes())
    again = {**first, "verify": {"timestamp": NOW + 60, "signature": "0" * 64}}
    written = [json.dumps(one, separators=(",", ":")).encode() for one in (first, again)]

    assert read("trackingmore", written[0]).key == read("trackingmore", written[1]).key


def test_17tracks_notice_that_it_stops_is_ignored() -> None:
    body = json.dumps({"event": "TRACKING_STOPPED", "data": {"number": "RB000000019CN", "carrier": 3011}}).encode()

    assert read("17track", body).note == "17TRACK has stopped tracking RB000000019CN."


def test_a_push_of_several_shipments_is_read_shipment_by_shipment() -> None:
    contents = read("dhl-push", (FOLDER / "dhl-push.json").read_bytes())

    assert [told.tracking_number for told in contents.told] == ["00340000000000000017", "00340000000000000024"]


def test_couriers_of_aggregators_have_codes_of_the_table() -> None:
    assert [code for code in courier_names.known_codes() if not is_known(code)] == []
    assert courier_names.code_of("17track", 3011) == "china-post"
    assert courier_names.code_of("easypost", "fedex") == "fedex"
    assert courier_names.code_of("aftership", "nobody-knows") is None
    assert courier_names.name_of("ship24", "usps") == "us-post"


SHARED_NAMES = {
    "trackingmore-v4": "trackingmore",
    "fedex": "fedex-push",
    "usps": "usps-push",
    "ups": "ups-track-alert",
    "dhl": "dhl-push",
}


def test_the_shared_vectors_are_accepted() -> None:
    folder = SHARED / "sources/pushes"
    if not folder.exists():
        pytest.skip("the shared data is not here")
    vectors = json.loads((folder / "signatures.json").read_bytes())
    credentials = {"secret": vectors["secret"], "api_key": vectors["secret"]}
    for one in vectors["vectors"]:
        for headers in (one["headers"], one.get("also_accept", one["headers"])):
            push = Push((folder / one["body"]).read_bytes(), {name.lower(): text for name, text in headers.items()})
            of = sender(SHARED_NAMES.get(one["source"], one["source"]))
            assert of.verify(push, credentials, int(vectors["timestamp"]))
            assert of.read(push, ARRIVED_AT).told
