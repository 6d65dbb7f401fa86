"""The snippets that verify webhooks, run in their languages against Waypost's signatures."""

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
    """Return the unexpected results of a snippet by case; all cases run in one process, because starting it is slow."""
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
def test_webhooks_of_waypost_verify(wrong, language, way):
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
def test_wrong_and_unusable_keys_are_rejected(wrong, language, way):
    assert wrong(language, way, cases.keys) == {}


@every_language
@every_way
def test_signatures_with_an_empty_key_are_rejected(wrong, language, way):
    assert wrong(language, way, cases.signed_with_nothing) == {}


@every_language
@every_way
def test_timestamps_too_old_or_in_the_future_are_rejected(wrong, language, way):
    assert wrong(language, way, cases.ages) == {}


@every_language
@every_way
def test_missing_parts_are_rejected_by_name(wrong, language, way):
    assert wrong(language, way, cases.missing) == {}


@every_language
@every_way
def test_a_malformed_timestamp_is_rejected_even_if_signed(wrong, language, way):
    assert wrong(language, way, cases.no_timestamps) == {}


@every_language
@every_way
def test_malformed_signatures_are_rejected(wrong, language, way):
    assert wrong(language, way, cases.no_signatures) == {}


@every_language
@by_body
def test_a_body_that_is_not_json_is_rejected(wrong, language, way):
    assert wrong(language, way, cases.no_json) == {}


@every_language
@by_body
def test_a_body_of_another_shape_is_rejected(wrong, language, way):
    assert wrong(language, way, cases.no_objects) == {}


@every_language
@by_body
def test_a_body_that_is_not_valid_utf_8_does_not_crash(wrong, language, way):
    assert wrong(language, way, cases.broken_texts) == {}


@every_language
@every_way
def test_a_snippet_says_how_its_framework_provides_the_raw_body(language, way):
    assert "raw body" in snippet(language, way)[:400]


def test_an_unknown_language_has_no_snippet():
    with pytest.raises(KeyError):
        snippet("cobol", Way.V4)


@every_language
def test_a_language_names_a_lexer_of_pygments(language):
    lexer = {one.key: one.lexer for one in LANGUAGES}[language]

    # Imported by name, because Pygments ships no types.
    assert lexer in import_module("pygments.lexers").get_lexer_by_name(lexer).aliases
