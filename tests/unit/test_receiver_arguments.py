"""Any argument and any input gives an event or a ReceiverError, and nothing else."""

import json
import math
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.webhooks import BROUGHT, EMAIL, EVENT, NOW, SECRET, hook
from waypost.domain.endpoints import Version
from waypost.receiver import (
    ReceiverError,
    TrackingEvent,
    UnreadableEventError,
    UnusableArgumentError,
    UnusableSecretError,
    WrongSignatureError,
    read_event,
    read_feed_item,
    verify,
    verify_v2,
    verify_v3,
)

SCALARS: Any = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.just(object()), st.just(math.nan)
)
NAMES = st.sampled_from(
    ["webhook-id", "Webhook-Timestamp", "webhook-signature", "timestamp", "signature", b"x", 7, None]
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.tuples(SCALARS), st.dictionaries(st.text(), SCALARS))
HEADERS: Any = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=6),
    st.lists(st.one_of(st.tuples(NAMES, VALUES), SCALARS, st.tuples(NAMES, VALUES, VALUES)), max_size=6),
    SCALARS,
)
BODIES: Any = st.one_of(
    SCALARS,
    st.binary().map(bytearray),
    st.binary().map(memoryview),  # type: ignore[arg-type] # the class is generic in what a view's items are
    st.lists(SCALARS, max_size=2),
    st.just({"a": 1}),
)
SECRETS: Any = st.one_of(
    st.just(SECRET), st.just(BROUGHT), SCALARS, st.lists(SCALARS, max_size=2), st.text(min_size=16)
)
SECONDS: Any = st.one_of(st.just(300), SCALARS)
TIMING = st.fixed_dictionaries({"tolerance": SECONDS, "now": SECONDS})
JSON: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=12), inner, max_size=3)),
    max_leaves=12,
)
MEMBERS = st.sampled_from(
    [
        *("id", "tracking_number", "delivery_status", "status", "substatus", "courier_code", "carrier_code"),
        *("update_at", "update_date", "updated_at", "created_at", "transit_time", "origin_info", "destination_info"),
        *("latest_event", "scheduled_delivery_date"),
    ]
)
TIMES = st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30", "T", "2026-07-01"])
SCANS = st.fixed_dictionaries(
    {
        "trackinfo": st.lists(
            st.dictionaries(st.sampled_from(["checkpoint_date", "Date"]), st.one_of(TIMES, JSON)), max_size=3
        )
    }
)
DATA = st.dictionaries(MEMBERS, st.one_of(JSON, TIMES, SCANS), max_size=10).map(
    lambda data: {"tracking_number": "A1", "delivery_status": "transit", "status": "transit"} | data
)


@given(BODIES, HEADERS, SECRETS, TIMING)
@example(b"", {"webhook-id": None}, SECRET, {"tolerance": 300, "now": math.nan})
@example(b"", {"timestamp": "1", "signature": "\ud800"}, BROUGHT, {"tolerance": 300, "now": 1})
@example(b"", {}, "\ud800", {"tolerance": 300, "now": 1})
def test_no_argument_raises_anything_but_a_receiver_error(
    body: Any, headers: Any, secret: Any, timing: dict[str, Any]
) -> None:
    for take in (
        lambda: verify(body, headers, secret, **timing),
        lambda: verify(body, headers, secret, accept_v4=True, **timing),
        lambda: verify_v2(body, headers, secret, **timing),
        lambda: verify_v3(body, headers, secret, **timing),
        lambda: read_event(body, headers),
        lambda: read_feed_item(body),
    ):
        with suppress(ReceiverError):
            take()


@given(st.one_of(JSON, st.fixed_dictionaries({"data": st.one_of(JSON, DATA)}, optional={"meta": JSON, "verify": JSON})))
def test_every_genuine_body_gives_an_event_or_a_receiver_error(document: Any) -> None:
    body = json.dumps(document)
    signature = standardwebhooks.Webhook(SECRET).sign(EVENT, datetime.fromtimestamp(NOW, UTC), body)
    headers = {"webhook-id": EVENT, "webhook-timestamp": str(NOW), "webhook-signature": signature}

    with suppress(UnreadableEventError):
        event = verify(body, headers, SECRET, now=NOW)
        assert isinstance(event, TrackingEvent)
        assert isinstance(event.checkpoints, tuple)


@pytest.mark.parametrize("depth", [*range(50, 80), *range(900, 1100, 7), 100_000])
def test_deeply_nested_bodies_are_handled_with_and_without_an_id(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    body = f'{{"data":{{"tracking_number":"A1","delivery_status":"transit","x":{nested}}}}}'

    for headers in ({}, {"webhook-id": EVENT}):
        with suppress(UnreadableEventError):
            read_event(body, headers)


@pytest.mark.parametrize("shape", [bytes, bytearray, memoryview, bytes.decode])
@pytest.mark.parametrize("version", Version)
def test_a_body_may_be_bytes_or_their_text(shape: Any, version: Version) -> None:
    sent = hook(version)

    assert verify(shape(sent.body), sent.headers, SECRET, now=NOW).id == EVENT
    if version is not Version.V4:
        check = verify_v2 if version is Version.V2 else verify_v3
        assert check(shape(sent.body), sent.headers, EMAIL, now=NOW).id == EVENT


@pytest.mark.parametrize("body", [None, {"data": {}}, 7, ["a"], object()])
def test_a_parsed_body_is_rejected_with_advice_what_to_pass(body: Any) -> None:
    with pytest.raises(UnusableArgumentError, match=r"Pass the raw body, before anything parses it"):
        verify(body, hook().headers, SECRET, now=NOW)


def test_a_released_buffer_is_rejected() -> None:
    body = memoryview(b"{}")
    body.release()

    with pytest.raises(UnusableArgumentError):
        verify(body, {}, SECRET, now=NOW)


class Broken:
    """A framework's headers that fail when they are read."""

    def items(self) -> Any:
        raise RuntimeError("the request has ended")


@pytest.mark.parametrize("headers", [None, 7, "webhook-id: 1", [1], [("a",)], {"a": {"b": 1}}, {1: "a"}, Broken()])
def test_values_that_are_not_headers_are_rejected_with_advice_what_to_pass(headers: Any) -> None:
    with pytest.raises(UnusableArgumentError, match="Pass the headers as a mapping"):
        verify(b"", headers, SECRET, now=NOW)


@pytest.mark.parametrize("secret", [None, b"bytes of a secret", 7, [None], object()])
def test_a_secret_that_is_not_text_is_a_programming_error(secret: Any) -> None:
    with pytest.raises(UnusableSecretError, match="must be text"):
        verify(b"", {}, secret, now=NOW)


@pytest.mark.parametrize("email", [None, b"a@b.co", 7])
def test_an_email_that_is_not_text_is_a_programming_error(email: Any) -> None:
    with pytest.raises(UnusableSecretError, match="must be text"):
        verify_v3(b"{}", {}, email, now=NOW)


@pytest.mark.parametrize("seconds", [math.nan, math.inf, "300", None, True])
def test_a_tolerance_that_is_not_a_number_lets_no_old_webhook_pass(seconds: Any) -> None:
    sent = hook(at=NOW - 10_000)

    with pytest.raises(UnusableArgumentError, match="number of seconds"):
        verify(sent.body, sent.headers, SECRET, tolerance=seconds, now=NOW)


def test_a_null_signed_header_counts_as_missing() -> None:
    sent = hook()

    with pytest.raises(ReceiverError, match="The timestamp is missing"):
        verify(sent.body, sent.headers | {"webhook-timestamp": None}, SECRET, now=NOW)
    with pytest.raises(WrongSignatureError):
        verify(sent.body + b" ", {name: [text] for name, text in sent.headers.items()}, SECRET, now=NOW)
