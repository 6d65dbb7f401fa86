"""Hints between processes as texts: what is written is read, and what anybody may send harms nothing."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from waypost.store.hints import MOST_BYTES, Hint, of_text

SOME = st.frozensets(st.uuids(), max_size=20)


@given(st.builds(Hint, SOME, st.just(False), st.booleans(), SOME))  # noqa: FBT003 - in the order of the fields
def test_a_hint_is_read_as_it_was_written(hint: Hint) -> None:
    assert of_text(hint.to_text()) == hint


def test_more_endpoints_than_fit_are_all() -> None:
    recovered = uuid4()

    text = Hint(frozenset(uuid4() for _ in range(300)), by_hand=True, recovered=frozenset((recovered,))).to_text()

    assert len(text) <= MOST_BYTES
    assert of_text(text) == Hint(all=True, by_hand=True, recovered=frozenset((recovered,)))


@given(st.text())
def test_words_that_are_no_endpoint_are_passed_over(text: str) -> None:
    assert of_text(f"{text} +{text} hand").by_hand
