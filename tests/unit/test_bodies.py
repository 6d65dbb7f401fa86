"""JSON bodies of other platforms are read, or rejected with the invalid field."""

import json

import msgspec
import pytest

from waypost.api.bodies import read_json
from waypost.api.problems import Problem

ANYTHING = msgspec.json.Decoder()


def refused(body: bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        read_json(body, ANYTHING)
    return caught.value


def test_a_byte_order_mark_is_skipped():
    assert read_json(b"\xef\xbb\xbf[1]", ANYTHING) == [1]


@pytest.mark.parametrize(
    "text",
    [
        r"\ud83c",
        r"Gift \ud83c",
        r"\uDF81 gift",
        r"\ud83cA",
        r"\ud83c\u0041",
        r"\ud83c\n",
        r"\\\ud83c",
        r"\\ud83c\udf81",
    ],
)
def test_a_lone_surrogate_is_rejected_with_its_field(text):
    problem = refused(f'{{"updates":[{{"title":"\\ud83c\\udf81"}},{{"title":"{text}"}}]}}'.encode())

    assert problem.status == 422
    assert [error.field for error in problem.errors] == ["updates[1].title"]
    assert "surrogate" in problem.errors[0].message


def test_a_lone_surrogate_in_a_name_is_rejected_with_the_enclosing_object():
    assert refused(rb'{"headers":{"\ud83c":"a"}}').errors[0].field == "headers"


@pytest.mark.parametrize("value", ["\N{WRAPPED PRESENT}", "\\ud83c", "a\\", '\\"\N{WRAPPED PRESENT}'])
def test_complete_pairs_and_texts_resembling_a_lone_surrogate_are_read(value):
    assert read_json(json.dumps([value]).encode(), ANYTHING) == [value]


@pytest.mark.parametrize("body", [b"", b"{", b'["x', rb'["\ud83c', b'["\xed\xa0\xbc"]', b'"\xff"', b"[" * 100_000])
def test_invalid_json_stays_invalid(body):
    problem = refused(body)

    assert (problem.status, problem.code) == (400, "malformed_json")
