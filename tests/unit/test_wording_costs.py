"""No text costs more than a few steps: a search for slow texts, and limits on the length that is read.

A step is a state of the automaton of phrases, or a saying there; each looks at a bounded number of words. Steps are
counted, not timed.
"""

import re
from itertools import chain

from hypothesis import given, target
from hypothesis import strategies as st

from tests.support.examples import examples
from waypost.domain.wording.folding import LONGEST, MOST_CLAUSES, MOST_WORDS, clauses_of, fold
from waypost.domain.wording.lexicon import load
from waypost.domain.wording.reading import MOST_STEPS, read, read_counted

MOST_LOOKS_OF_A_STEP = 16
MOST_SAYINGS_OF_A_STEP = 4
SIGN = re.compile("[\u3005\u3040-\u30ff\u3400-\u9fff]")
GROWING = "\ufdfa"  # normalisation makes eighteen characters of it
WORDS = sorted(word.removesuffix("*") for word in load().words)

texts = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=120).map(" ".join),
    st.lists(st.sampled_from([*WORDS[::40], ",", ".", "a.", "b;", GROWING, "?"]), max_size=400).map(" ".join),
    st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS), st.integers(1, 300)).map(
        lambda drawn: f"{drawn[0]} {drawn[1]} " * drawn[2]
    ),
    st.text(max_size=2_000),
)


@examples(400)
@given(texts)
def test_a_search_for_slow_texts_finds_none_over_the_step_limit(text: str) -> None:
    _, steps = read_counted(text, load())
    target(float(steps))

    assert steps <= MOST_STEPS + MOST_SAYINGS_OF_A_STEP


@given(texts)
def test_texts_are_truncated_before_they_are_read(text: str) -> None:
    folded, _ = fold(text)
    clauses, _ = clauses_of(folded)

    assert len(folded) <= LONGEST
    assert len(clauses) <= MOST_CLAUSES
    assert sum(len(word) if SIGN.fullmatch(word) else 2 for clause in clauses for word in clause.words[1:-1]) <= (
        2 * MOST_WORDS
    )


def test_one_step_reads_only_a_few_words() -> None:
    most = max(state.looks for state in load().states)

    assert most <= MOST_LOOKS_OF_A_STEP
    assert max(len(state.sayings) for state in load().states) < MOST_SAYINGS_OF_A_STEP


def test_normalisation_cannot_expand_a_text_beyond_the_limit() -> None:
    assert len(fold(GROWING * 490)[0]) == LONGEST


def test_a_text_over_the_step_limit_is_not_read() -> None:
    reading, steps = read_counted("delivered to " * 38, load())

    assert reading is None
    assert steps > MOST_STEPS


def test_words_beyond_the_limit_make_the_reading_doubtful() -> None:
    rest = " ".join(chain.from_iterable([("x",)] * MOST_WORDS))

    assert read("Out for delivery. Thank you") == ("pickup001", True)
    assert read(f"Out for delivery. {rest}") == ("pickup001", False)
    assert read("派送中。" + "了" * MOST_WORDS) == ("pickup001", True)
    assert read("派送中。" + "了" * 2 * MOST_WORDS) == ("pickup001", False)


def test_characters_beyond_the_limit_make_the_reading_doubtful() -> None:
    assert read("Out for delivery. " + "-" * LONGEST) == ("pickup001", False)
    assert read("Delivered. " + "-" * LONGEST) is None
    assert read("Delivered. " + GROWING * 60) is None


def test_clauses_beyond_the_limit_make_the_reading_doubtful() -> None:
    assert read("Out for delivery. " + "x. " * (MOST_CLAUSES - 2)) == ("pickup001", True)
    assert read("Out for delivery. " + "x. " * MOST_CLAUSES) == ("pickup001", False)


def test_a_text_longer_than_the_limit_never_ends_a_journey() -> None:
    assert read("Delivered. " + "x " * (MOST_WORDS - 1)) == ("delivered001", True)
    assert read("Delivered. " + "x " * MOST_WORDS) is None
