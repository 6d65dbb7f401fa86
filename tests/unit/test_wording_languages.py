"""Carriers' phrases in each language are read correctly, and none falsely as delivered."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from waypost.domain.statuses import SUBSTATUSES, status_of
from waypost.domain.wording import read, read_wording
from waypost.domain.wording.lexicon import build, load
from waypost.domain.wording.reading import MOST_STEPS, read_counted

CASES = Path(__file__).parent / "wording_cases"
OUTSIDE = Path(__file__).parents[3] / "shared/data"
NOTHING = "nothing"
LANGUAGES = ("de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "ru", "uk", "zh")


def cases() -> Iterator[tuple[str, str, str]]:
    for file in sorted(CASES.glob("*.toml")):
        for half in tomllib.loads(file.read_text(encoding="utf-8")).values():
            for status, texts in half.items():
                for text in texts:
                    yield file.stem, text, status


def main_status(text: str) -> str:
    substatus = read_wording(text)
    return NOTHING if substatus is None else status_of(substatus).value


@pytest.mark.parametrize(("language", "text", "status"), tuple(cases()))
def test_texts_are_read_as_their_main_status(language: str, text: str, status: str) -> None:
    assert main_status(text) == status, language


def test_every_language_has_texts_of_its_own() -> None:
    assert tuple(sorted({language for language, _, _ in cases()})) == LANGUAGES


def test_real_texts_need_at_most_two_thirds_of_the_steps() -> None:
    costly = {text: steps for _, text, _ in cases() if (steps := read_counted(text, load())[1]) > MOST_STEPS * 2 / 3}

    assert costly == {}


def test_every_meaning_has_a_place_in_the_order() -> None:
    told = {saying.meaning for state in load().states for saying in state.sayings}

    assert told - SUBSTATUSES.keys() == {"condition", "nothing", "plan"}


def test_a_language_is_a_file_without_code() -> None:
    lexicon = build({"eo": {"noise": "la", "delivered001": {"says": "liverita"}, "plan": {"says": "ne"}}})

    assert read_counted("La pako estas liverita.", lexicon)[0] == ("delivered001", True)
    assert read_counted("La pako ne estas liverita.", lexicon)[0] is None


@pytest.mark.parametrize(
    ("language", "why"),
    [
        ({"delivered009": {"says": "x"}}, "not a substatus"),
        ({"delivered001": {"sings": "x"}}, "sings"),
        ({"delivered001": {"says": "to <nobody>"}}, "nobody"),
        ({"delivered001": {"says": "del*"}}, "letters"),
        ({"delivered001": {"says": ".. home"}}, "begin and end"),
        ({"delivered001": {"says": "home?"}}, "may be missing"),
    ],
)
def test_an_invalid_phrase_file_is_rejected_by_name(language: dict[str, dict[str, str]], why: str) -> None:
    with pytest.raises(ValueError, match=f"languages/xx.*{why}"):
        build({"xx": language})


def test_a_text_is_unmistakable_if_its_words_mean_nothing_else() -> None:
    assert read("Out for delivery") == ("pickup001", True)
    assert read("Delay") == ("transit001", False)


def test_doubtful_words_never_end_a_journey() -> None:
    assert read("Delivered to the recipient") == ("delivered001", True)
    assert read("Delivered to somebody") is None


def test_voiding_words_of_one_language_also_void_shared_words_of_another() -> None:
    assert main_status("Вручено адресату") == "delivered"
    assert main_status("Будет вручено") == NOTHING


def test_external_cases_are_read_and_none_is_falsely_delivered() -> None:
    file = OUTSIDE / "sources/wording-cases.json"
    if not file.is_file():
        pytest.skip("the shared data is not here")
    known = [
        (case["text"], case["main_status"] or NOTHING)
        for language in json.loads(file.read_text(encoding="utf-8")).values()
        for case in language
    ]

    wrong = [(text, status, main_status(text)) for text, status in known if main_status(text) != status]

    assert [text for text, status, told in wrong if told == "delivered"] == []
    assert len(wrong) <= 0.03 * len(known), wrong
