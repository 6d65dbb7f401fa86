"""Texts for shoppers: every language is complete, and the requested one is found."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.statuses import SUBSTATUSES, Status
from waypost.portal.track.parcel_view import STEPS
from waypost.portal.track.texts import DEFAULT, LANGUAGES, choose

DAY = date(2026, 7, 4)


def test_there_is_english_german_and_simplified_chinese():
    assert {name: texts.tag for name, texts in LANGUAGES.items()} == {"en": "en", "de": "de", "zh": "zh-Hans"}


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_language_is_complete(name):
    texts, english = LANGUAGES[name], LANGUAGES[DEFAULT]

    assert set(texts.statuses) == set(Status)
    assert set(texts.substatuses) == set(SUBSTATUSES)
    assert set(texts.steps) == {*STEPS, "collection"}
    assert set(texts.phrases) == set(english.phrases)
    assert (len(texts.months), len(texts.weekdays)) == (12, 7)
    said = [*texts.statuses.values(), *texts.substatuses.values(), *texts.steps.values(), *texts.phrases.values()]
    assert all(text == text.strip() and text for text in [*said, *texts.months, *texts.weekdays])


def test_no_language_reuses_texts_of_another():
    english, german, chinese = (LANGUAGES[name] for name in ("en", "de", "zh"))

    for kind in ("statuses", "substatuses", "phrases", "steps"):
        for key, text in getattr(chinese, kind).items():
            assert re.search(r"[\u4e00-\u9fff]", text), (kind, key)
            assert getattr(german, kind)[key] != getattr(english, kind)[key], (kind, key)


@pytest.mark.parametrize(
    ("name", "said"),
    [("en", "Saturday, 4 July 2026"), ("de", "Samstag, 4. Juli 2026"), ("zh", "2026年7月4日 星期六")],
)
def test_days_are_formatted_as_people_write_them(name, said):
    assert LANGUAGES[name].say_day(DAY) == said


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        *(("de", "zh", "de"), ("xx", "zh", "zh"), (None, "", "en"), (None, "fr", "en"), (None, "*", "en")),
        *((None, "de-AT,de;q=0.9,en;q=0.8", "de"), (None, "fr, zh-CN;q=0.5, en;q=0.4", "zh")),
        *((None, "en;q=0.1, DE;q=0.2", "de"), (None, "de;q=0, en", "en"), (None, "de;q=0", "en")),
        *((None, "de;q=x, zh;q=2, en;q=0.1", "en"), (None, "de;q=nan", "en")),
    ],
)
def test_the_requested_language_takes_precedence_over_accept_language(asked, accepted, language):
    assert choose(asked, accepted) == language


@given(st.none() | st.text(), st.text())
def test_any_accept_language_header_gives_a_language(asked, accepted):
    assert choose(asked, accepted) in LANGUAGES
