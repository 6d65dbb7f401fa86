"""Short texts take any script, and say which character they can't take."""

import re

import pytest

from waypost.domain.errors import InvalidInput
from waypost.domain.texts import check_line, without_overrides

TAKEN = {
    "a family of three": "Familie \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "a joiner in Persian": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "the Scottish flag": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "a mark of direction": "\u05e9\u05dc\u05d5\u05dd\u200f!",
    "a soft hyphen": "Donau\u00addampf",
}
REFUSED = {
    "line\nbreak": "U+000A",
    "nul\x00": "U+0000",
    "\u202eevil": "U+202E (RIGHT-TO-LEFT OVERRIDE)",
    "isolate\u2066d": "U+2066 (LEFT-TO-RIGHT ISOLATE)",
    "line\u2028separator": "U+2028 (LINE SEPARATOR)",
    "half\ud83d": "U+D83D",
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN.keys())
def test_a_text_of_any_script_is_accepted_unchanged(text: str) -> None:
    assert check_line("description", text, 50) == text


def test_a_no_break_space_becomes_a_space() -> None:
    assert check_line("description", "\u00a0Prix 10\u00a0\u20ac ", 50) == "Prix 10 \u20ac"


@pytest.mark.parametrize(("text", "named"), REFUSED.items())
def test_an_unfit_character_is_named(text: str, named: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(named)):
        check_line("description", text, 50)


def test_a_text_that_is_too_long_says_how_long_it_is() -> None:
    with pytest.raises(InvalidInput, match="at most 5 characters, not 6"):
        check_line("name", "123456", 5)


def test_a_foreign_text_is_shown_in_the_order_in_which_it_is_stored() -> None:
    assert without_overrides("\u202elive\u202c") == "live"
    assert without_overrides("\u05e9\u05dc\u05d5\u05dd\u200f") == "\u05e9\u05dc\u05d5\u05dd\u200f"
