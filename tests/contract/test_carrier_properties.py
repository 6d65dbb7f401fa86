"""Adapters read any damaged answer as an update or raise CarrierError, for all carriers."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.carrier_cases import CASES, Case, cases_of, read_answer
from tests.support.examples import examples
from waypost.domain.carriers import CarrierError
from waypost.domain.facts import FACTS, LONGEST
from waypost.domain.times import read_wall_time
from waypost.domain.trackings import Update, apply, register
from waypost.sources.carriers import CARRIERS

OTHER_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**30, "", " ", "null", "x", "\x00\u202e", "2026-02-30T25:61:61", "9" * 5_000),
    *([], {}, [None], [[]], [1, "x"], {"x": {}}, [{}], "A" * 9_000),
)

Place = tuple[Any, Any]
"""A list or an object, and a position in it."""


def places(value: Any) -> Iterator[Place]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield value, key
        yield from places(child)


def still_reads(carrier: str, status: int, body: bytes, number: str) -> None:
    try:
        update = read_answer(carrier, status, body, number)
    except CarrierError:
        return
    assert set(update.facts) <= FACTS
    assert all(0 < len(text) <= LONGEST for text in update.facts.values())
    for scan in update.checkpoints:
        assert read_wall_time(scan.checkpoint_date) == (scan.checkpoint_date, None)
        assert 0 < len(scan.tracking_detail) <= LONGEST
    state = apply(register("0" * 32, number, "x", {}, 0), update, 1).state
    assert not apply(state, Update(update.source, update.checkpoints, update.facts), 2).eventful


def test_every_sample_answer_has_values_to_change() -> None:
    assert len(list(places({"a": [1, {"b": 2}]}))) == 4


@pytest.mark.parametrize("carrier", CARRIERS)
@examples(60)
@given(data=st.data())
def test_truncated_or_damaged_answers_raise_only_carrier_errors(carrier: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(cases_of(carrier)))
    begin, end = sorted(data.draw(st.tuples(*[st.integers(0, len(case.body))] * 2)))
    body = data.draw(
        st.sampled_from((case.body[:end], case.body[begin:], case.body[:begin] + case.body[end:], case.body[begin:end]))
    )

    still_reads(carrier, data.draw(st.sampled_from((200, case.status, 400, 404))), body, case.tracking_number)


@pytest.mark.parametrize("carrier", CARRIERS)
@examples(60)
@given(data=st.data())
def test_answers_with_other_types_or_order_raise_only_carrier_errors(carrier: str, data: st.DataObject) -> None:
    structured = [case for case in cases_of(carrier) if not isinstance(case.answer, str)]
    if not structured:
        return
    case = data.draw(st.sampled_from(structured))
    answer = json.loads(case.body)
    for _ in range(data.draw(st.integers(1, 3))):
        change(answer, data)

    still_reads(carrier, case.status, json.dumps(answer).encode(), case.tracking_number)


def change(answer: Any, data: st.DataObject) -> None:
    """Replace or remove one value of an answer, or reverse the list that contains it."""
    found = list(places(answer))
    if not found:
        return
    inside, key = data.draw(st.sampled_from(found))
    how = data.draw(st.sampled_from(("replace", "replace", "remove", "reverse")))
    if how == "replace":
        inside[key] = deepcopy(data.draw(st.sampled_from(OTHER_VALUES)))
    elif how == "remove":
        del inside[key]
    elif isinstance(inside, list):
        inside.reverse()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_answer_with_an_error_status_is_read_as_a_found_parcel(case: Case) -> None:
    for status in (400, 404, 409):
        try:
            update = read_answer(case.carrier, status, case.body, case.tracking_number)
        except CarrierError:
            continue
        assert update.checkpoints == ()


NONSENSE = {
    "nothing": b"",
    "a page": b"<!doctype html><html><body>Sign in</body></html>",
    "null": b"null",
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a text": b'"delivered"',
    "no UTF-8": b"\xff\xfe",
    "very deep lists": b"[" * 100_000,
    "very deep objects": b'{"shipments":' * 50_000,
    "a number of 5,000 digits": b'{"shipments": ' + b"9" * 5_000 + b"}",
}


@pytest.mark.parametrize("status", [200, 207, 400, 404])
@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("carrier", CARRIERS)
def test_nonsense_changes_no_parcel(carrier: str, body: bytes, status: int) -> None:
    with pytest.raises(CarrierError):
        read_answer(carrier, status, body, "A1")
