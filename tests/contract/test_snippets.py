"""The snippets for verifying, run in their languages against what Waypost signs."""

import time
from functools import cache
from importlib import import_module

import pytest

from tests.support.snippets import cases
from tests.support.snippets.cases import ASKED, SIGNED_FIELDS
from tests.support.snippets.runtimes import Runtimes
from waypost.portal.snippets import LANGUAGES, Way, snippet

every_language = pytest.mark.parametrize("language", [language.key for language in LANGUAGES])
every_way = pytest.mark.parametrize("way", list(Way))
by_body = pytest.mark.parametrize("way", list(SIGNED_FIELDS))


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """Give the answers of a snippet that are not as expected, by case; all are asked at once, as starting is slow."""
    runtimes = Runtimes(tmp_path_factory.mktemp("snippets"))

    @cache
    def answers(language, way):
        now = int(time.time())
        asked = [(which, name, *case) for which in ASKED[way] for name, case in which(way, now).items()]
        lines = runtimes.ask(language, way, [given for _, _, given, _ in asked])
        return [(which, name, line, expected) for (which, name, _, expected), line in zip(asked, lines, strict=True)]

    def select(language, way, behaviour):
        mine = [(name, line, expected) for which, name, line, expected in answers(language, way) if which is behaviour]
        assert mine
        return {name: line for name, line, expected in mine if not line.lower().startswith(expected)}

    return select


@every_language
@every_way
def test_what_waypost_sends_is_taken(wrong, language, way):
    assert wrong(language, way, cases.sent) == {}


@every_language
def test_one_matching_signature_among_several_is_enough(wrong, language):
    assert wrong(language, Way.STANDARD, cases.rotated) == {}


@every_language
def test_the_standard_signature_covers_the_body(wrong, language):
    assert wrong(language, Way.STANDARD, cases.changed) == {}


@every_language
@pytest.mark.parametrize("way", [Way.V4, Way.V3, Way.V2])
def test_trackingmores_own_signatures_do_not_cover_the_body(wrong, language, way):
    assert wrong(language, way, cases.changed) == {}


@every_language
def test_the_standard_signature_covers_the_id(wrong, language):
    assert wrong(language, Way.STANDARD, cases.renamed) == {}


@every_language
@every_way
def test_another_key_or_one_that_cannot_be_used_is_refused(wrong, language, way):
    assert wrong(language, way, cases.keys) == {}


@every_language
@every_way
def test_what_is_signed_with_an_empty_key_is_refused(wrong, language, way):
    assert wrong(language, way, cases.signed_with_nothing) == {}


@every_language
@every_way
def test_a_timestamp_too_far_from_now_is_refused_either_way(wrong, language, way):
    assert wrong(language, way, cases.ages) == {}


@every_language
@every_way
def test_what_is_missing_is_refused_by_name(wrong, language, way):
    assert wrong(language, way, cases.missing) == {}


@every_language
@every_way
def test_a_malformed_timestamp_is_refused_although_it_is_signed(wrong, language, way):
    assert wrong(language, way, cases.no_timestamps) == {}


@every_language
@every_way
def test_a_malformed_signature_is_refused(wrong, language, way):
    assert wrong(language, way, cases.no_signatures) == {}


@every_language
@by_body
def test_a_body_that_is_no_json_is_refused(wrong, language, way):
    assert wrong(language, way, cases.no_json) == {}


@every_language
@by_body
def test_a_body_of_another_shape_is_refused(wrong, language, way):
    assert wrong(language, way, cases.no_objects) == {}


@every_language
@by_body
def test_a_body_that_is_not_utf_8_throughout_is_no_crash(wrong, language, way):
    assert wrong(language, way, cases.broken_texts) == {}


@every_language
@every_way
def test_a_snippet_says_how_its_framework_gives_the_raw_body(language, way):
    assert "raw body" in snippet(language, way)[:400]


def test_an_unknown_language_has_no_snippet():
    with pytest.raises(KeyError):
        snippet("cobol", Way.V4)


@every_language
def test_a_language_names_a_lexer_of_pygments(language):
    lexer = {one.key: one.lexer for one in LANGUAGES}[language]

    # Imported by name, because Pygments ships no types.
    assert lexer in import_module("pygments.lexers").get_lexer_by_name(lexer).aliases
