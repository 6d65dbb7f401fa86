"""Hints between processes survive a round trip, and forged ones do no harm."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from waypost.dispatch.scouting import AT_A_TIME
from waypost.store.hints import MOST_BYTES, Hint, of_text

SOME = st.frozensets(st.uuids(), max_size=20)

DUE = st.dictionaries(st.uuids(), st.integers(0, 999_999).map(lambda milliseconds: milliseconds / 1000), max_size=20)
OWNERS = st.none() | st.integers(0, (1 << 31) - 1)


@given(st.builds(Hint, SOME, st.just(False), st.booleans(), SOME, st.booleans(), OWNERS, DUE))  # noqa: FBT003 - in the order of the fields
def test_a_hint_survives_a_round_trip(hint: Hint) -> None:
    assert of_text(hint.to_text()) == hint


def test_too_many_endpoints_become_all() -> None:
    recovered = uuid4()

    text = Hint(frozenset(uuid4() for _ in range(300)), by_hand=True, recovered=frozenset((recovered,))).to_text()

    assert len(text) <= MOST_BYTES
    assert of_text(text) == Hint(all=True, by_hand=True, recovered=frozenset((recovered,)))


def test_the_lanes_of_a_hint_fit_into_a_notification() -> None:
    hint = Hint(owner=(1 << 31) - 1, due={uuid4(): 0.9999 for _ in range(AT_A_TIME)})

    assert len(hint.due) == len(of_text(hint.to_text()).due) == AT_A_TIME


@given(st.text())
def test_words_that_are_not_endpoint_ids_are_ignored(text: str) -> None:
    assert of_text(f"{text} +{text} hand").by_hand
