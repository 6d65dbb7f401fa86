"""Customers' names are found as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.customer_names import LONGEST, searchable


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Müller", "MULLER"),
        ("Straßer", "strasser"),
        ("  Anna\u00a0 Maria\tÖz ", "anna maria oz"),
        ("王小明", "王小明"),
        ("\uff11\uff10\uff10\uff05", "100%"),
        ("Me\u0308ller", "Mëller"),
        ("Ann\u202ea\u200d", "anna"),
        ("김민", "김민"),
        ("a\0\ud800b", "ab"),
        ("\u0301", ""),
    ],
)
def test_a_name_is_searched_without_case_accents_and_invisible_characters(name: str, typed: str) -> None:
    assert searchable(name) == searchable(typed)


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_begins_a_name_finds_it(beginning: str, rest: str) -> None:
    assert searchable(beginning + rest).startswith(searchable(beginning))


def test_a_name_that_grows_by_folding_stays_short() -> None:
    assert len(searchable("\ufdfa" * 500)) == LONGEST
