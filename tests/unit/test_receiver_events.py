"""Events of every version have one type, whatever else a body contains."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.webhooks import EVENT, hook
from waypost.domain.endpoints import Version
from waypost.domain.statuses import SELECTABLE, Status
from waypost.payloads.samples import sample_state
from waypost.receiver import UnreadableEventError, read_event, read_feed_item

HEADERS = {"webhook-id": EVENT, "waypost-sequence": "4"}
SAME_IN_EVERY_VERSION = (
    *("id", "sequence", "tracking_id", "tracking_number", "courier_code", "status", "substatus", "order_number"),
    *("title", "customer_name", "signed_by", "transit_days", "created_at", "updated_at"),
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def of(version, status=Status.DELIVERED):
    return read_event(hook(version, status).body, HEADERS)


@pytest.mark.parametrize("status", SELECTABLE)
@pytest.mark.parametrize("version", [Version.V2, Version.V3])
def test_old_versions_give_the_same_event_as_v4(version, status):
    old, new = of(version, status), of(Version.V4, status)

    assert {name: getattr(old, name) for name in SAME_IN_EVERY_VERSION} == {
        name: getattr(new, name) for name in SAME_IN_EVERY_VERSION
    }
    assert [(scan.detail, scan.location, scan.status, scan.substatus) for scan in old.checkpoints] == [
        (scan.detail, scan.location, scan.status, scan.substatus) for scan in new.checkpoints
    ]


def test_an_event_has_the_values_of_its_body():
    event = of(Version.V4)
    newest = event.checkpoints[0]

    assert (event.version, event.id, event.sequence, event.test) == ("V4", EVENT, 4, False)
    assert (event.status, event.substatus, event.signed_by) == ("delivered", "delivered003", "J. EXAMPLE")
    assert (event.customer_name, event.customer_email, event.origin_country) == ("Jos\u00e9 Example", None, "US")
    assert event.created_at == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert (newest.at, newest.location) == (datetime(2026, 3, 4, 13, 20), "AUSTIN TX")  # noqa: DTZ001 - wall time
    assert len(event.checkpoints) == 5
    assert event.data["destination_state"] == "TX"


def test_a_feed_item_equals_the_event_of_its_webhook():
    data = json.loads(hook().body)["data"]

    assert read_feed_item({"id": EVENT, "sequence": 4, "data": data, "source": "poll"}) == of(Version.V4)


def test_a_test_is_recognised_by_its_header():
    assert read_event(hook().body, {**HEADERS, "waypost-test": "true"}).test


def test_without_an_id_equal_content_gets_an_equal_id():
    first, again, other = (
        read_event(hook(status=status).body, {}) for status in (Status.PICKUP, Status.PICKUP, Status.DELIVERED)
    )

    assert first.id == again.id != other.id
    assert first.sequence is None


def test_events_are_hashable_and_immutable():
    event = of(Version.V4)

    assert len({event, of(Version.V4)}) == 1
    with pytest.raises(AttributeError):
        event.status = "lost"


def test_checkpoints_of_both_couriers_form_one_list_newest_first():
    body = json.loads(hook().body)
    body["data"]["destination_info"]["trackinfo"] = [
        {"checkpoint_date": "2026-03-04T08:00:00", "tracking_detail": "Handed to the local courier"},
        {"checkpoint_date": "some day", "tracking_detail": 5},
        "no scan",
    ]

    scans = read_event(json.dumps(body).encode(), HEADERS).checkpoints

    assert [scan.detail for scan in scans][:2] == ["Delivered and signed for", "Handed to the local courier"]
    assert (scans[-1].at, scans[-1].detail) == (None, "5")


@pytest.mark.parametrize("version", Version)
@given(data=st.data())
def test_malformed_and_unknown_fields_never_break_it(version, data):
    body = json.loads(hook(version).body)
    inner = body["data"]
    needed = {"tracking_number", "status" if version is Version.V2 else "delivery_status"}
    for name in data.draw(st.lists(st.sampled_from(sorted(inner.keys() - needed)), max_size=12)):
        inner[name] = data.draw(PLAIN)
    inner["new_member"] = data.draw(PLAIN)

    event = read_event(json.dumps(body).encode(), {"waypost-sequence": data.draw(st.text(max_size=12))})

    assert event.tracking_number == "9400100000000000000000"
    assert event.status == "delivered"


@pytest.mark.parametrize("odd", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-03-04", "", 5, None])
def test_times_at_the_edges_of_the_calendar_are_read_or_omitted(odd):
    body = json.loads(hook().body)
    body["data"]["created_at"] = body["data"]["update_at"] = odd

    event = read_event(json.dumps(body).encode(), HEADERS)

    assert event.updated_at is None or event.updated_at.tzinfo is not None


@pytest.mark.parametrize("name", ["tracking_number", "delivery_status", "data"])
@pytest.mark.parametrize("odd", [None, "", [], {}])
def test_a_body_without_number_or_status_is_rejected_with_the_missing_field(name, odd):
    body = json.loads(hook().body)
    (body if name == "data" else body["data"])[name] = odd

    with pytest.raises(UnreadableEventError, match="tracking_number" if odd == {} and name == "data" else name):
        read_event(json.dumps(body).encode(), HEADERS)


def test_a_sample_of_every_status_is_read_in_every_version():
    read = {(version, status): of(version, status) for version in Version for status in SELECTABLE}

    assert {status for _, status in read} == {event.status for event in read.values()}
    assert {event.tracking_id for event in read.values()} == {sample_state(Status.TRANSIT).id}
