"""The format of an API key: leaked keys can be found by a scanner, and invalid ones are rejected without a query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.api_keys import digest_of, is_key, make_key, shown_prefix

RANDOM = bytes(range(24))


@given(st.binary(min_size=24, max_size=24))
def test_every_generated_key_has_the_same_format(random: bytes) -> None:
    key = make_key(random)

    assert is_key(key)
    assert (key[:8], len(key)) == ("wk_live_", 47)


@given(st.binary(min_size=24, max_size=24), st.binary(min_size=24, max_size=24))
def test_different_random_bytes_make_different_keys(one: bytes, other: bytes) -> None:
    assert (make_key(one) == make_key(other)) == (one == other)


@given(st.integers(min_value=8, max_value=46), st.sampled_from("0aZ"))
def test_a_changed_character_is_detected(place: int, character: str) -> None:
    key = make_key(RANDOM)

    changed = key[:place] + character + key[place + 1 :]

    assert is_key(changed) == (changed == key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wk_live_",
        make_key(RANDOM) + "\n",
        make_key(RANDOM)[:-1],
        make_key(RANDOM).replace("wk_live_", "wk_test_"),
        make_key(RANDOM)[:-1] + "é",
        "wk_live_" + "٣" * 39,
        "wk_live_" + "\ud800" * 39,
    ],
)
def test_texts_that_resemble_a_key_are_not_keys(text: str) -> None:
    assert not is_key(text)


def test_any_text_has_a_digest_even_with_lone_surrogates() -> None:
    assert len(digest_of("\ud800")) == 32


def test_only_the_first_twelve_characters_of_a_key_are_shown() -> None:
    key = make_key(RANDOM)

    assert shown_prefix(key) == key[:12]


def test_a_key_from_too_few_random_bytes_is_rejected() -> None:
    with pytest.raises(ValueError, match="24 random bytes"):
        make_key(b"short")
