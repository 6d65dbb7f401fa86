"""Reading a text: which phrases it contains, which of them are voided, and what the rest says together."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from waypost.domain.wording.automaton import PhraseState
from waypost.domain.wording.folding import LONGEST, Clause, clauses_of, fold
from waypost.domain.wording.lexicon import CONDITION, NOTHING, PLAN, Lexicon, load
from waypost.domain.wording.phrases import Saying

MOST_STEPS: Final = 80
"""The number of states, and of sayings there, that are visited for one text. A text that needs more is not read."""

_ORDER: Final = (
    *("exception010", "exception011", "exception008", "exception009", "exception007", "exception004"),
    *("transit005", "exception006"),
    *("pickup002", "undelivered001", "undelivered002", "undelivered003", "undelivered004", "pickup001", "pickup003"),
    *("delivered004", "delivered003", "delivered002", "delivered001"),
    *("inforeceived001", "exception005"),
    *("transit004", "transit007", "transit003", "transit006", "transit002", "transit001"),
)
"""Precedence if a text says several things: what ends or stops a journey comes before what continues it."""
_RANK: Final = {substatus: rank for rank, substatus in enumerate(_ORDER)}


class TextReading(NamedTuple):
    """What a text says."""

    substatus: str
    is_unmistakable: bool
    """These words describe nothing else."""

    @property
    def is_end(self) -> bool:
        """Whether the journey is over: delivered, or returned to its sender."""
        return self.substatus.startswith(_DELIVERED) or self.substatus == "exception010"


_DELIVERED: Final = "delivered"
_TROUBLE: Final = ("exception", "undelivered")
_ABOUT_OTHERS: Final = frozenset({PLAN, CONDITION})

Match = tuple[int, int, Saying]
"""A phrase found in a clause: from the index of its first word to the one after its last."""


def read_wording(text: str) -> str | None:
    """Return the substatus that a scan's text states, or None. Only the first 400 characters are read."""
    reading = read(text)
    return None if reading is None else reading.substatus


def read(text: str) -> TextReading | None:
    """Return what a scan's text says; None if it says nothing, or names an end that is not unmistakable."""
    return _read(text[: LONGEST + 1])


# Carriers say few things in few words, again and again.
@lru_cache(maxsize=4096)
def _read(text: str) -> TextReading | None:
    return read_counted(text, load())[0]


def read_counted(text: str, lexicon: Lexicon) -> tuple[TextReading | None, int]:
    """Return what a text says, and how many states and sayings were visited to find out."""
    folded, is_cut = fold(text)
    clauses, is_longer = clauses_of(folded)
    steps = 0
    best: Saying | None = None
    for whole in clauses:
        clause = lexicon.known(whole)
        matches, taken = _matches(clause, lexicon.states[0], MOST_STEPS - steps)
        steps += taken
        if steps > MOST_STEPS:
            return None, steps
        for saying in _standing(matches, clause):
            if best is None or _strength(saying) < _strength(best):
                best = saying
    if best is None:
        return None, steps
    reading = TextReading(best.meaning, is_unmistakable=not (best.is_vague or is_cut or is_longer))
    return (None if reading.is_end and not reading.is_unmistakable else reading), steps


def _strength(saying: Saying) -> tuple[int, bool]:
    return _RANK[saying.meaning], saying.is_vague


def _matches(clause: Clause, first: PhraseState, most: int) -> tuple[list[Match], int]:
    """Return all phrases of a clause and the number of steps; more than ``most`` if the search was given up."""
    words = [*clause.words, ""]  # the last phrase may look at what comes after the clause
    stops = _stops(clause.parts)
    found: list[Match] = []
    steps = 0
    for begin, word in enumerate(clause.words):
        if (begun := first.next.get(word)) is None:
            continue
        waiting = [(begun, begin + 1)]
        while waiting:
            state, at = waiting.pop()
            steps += 1 + len(state.sayings)
            if steps > most:
                return found, steps
            for saying in state.sayings:
                found.append((begin, at, saying))  # noqa: PERF401  a generator costs more than the one item it yields
            if (after := state.next.get(words[at])) is not None:
                waiting.append((after, at + 1))
            for gap, following in state.gaps:
                for ahead in range(at, min(at + gap + 1, stops[at - 1])):
                    if (after := following.get(words[ahead])) is not None:
                        waiting.append((after, ahead + 1))  # noqa: PERF401  here too
    return found, steps


def _stops(parts: list[int]) -> list[int]:
    """Return for each word where its part of the sentence ends."""
    stops: list[int] = []
    end = len(parts)
    for at in range(len(parts) - 1, -1, -1):
        if at + 1 < len(parts) and parts[at] != parts[at + 1]:
            end = at + 1
        stops.append(end)
    stops.reverse()
    return stops


def _standing(matches: list[Match], clause: Clause) -> Iterator[Saying]:
    """Yield the meanings that are neither voided nor part of a longer phrase, which is more specific."""
    if clause.is_question:
        return
    told = [match for match in matches if match[2].meaning not in _ABOUT_OTHERS]
    voids = _Voids(matches, clause.parts)
    # Of the same words in two languages, what voids them in one voids them in both.
    void = {(begin, saying.meaning) for begin, _, saying in told if voids.cover(begin, saying)}
    for begin, saying in _outermost(told):
        if (begin, saying.meaning) not in void:
            yield saying


def _outermost(told: list[Match]) -> Iterator[tuple[int, Saying]]:
    """Yield what no longer phrase makes part of itself. A delivery makes no trouble part of itself."""
    reach = reach_of_deliveries = -1
    for (begin, end), matches in groupby(sorted(told, key=_from_the_widest), key=_span):
        sayings = [saying for _, _, saying in matches]
        if any(saying.meaning == NOTHING for saying in sayings):
            reach = max(reach, end)
        for saying in sayings:
            if end > reach and (end > reach_of_deliveries or saying.meaning.startswith(_TROUBLE)):
                yield begin, saying
        for saying in sayings:
            if saying.meaning.startswith(_DELIVERED):
                reach_of_deliveries = max(reach_of_deliveries, end)
            else:
                reach = max(reach, end)


def _span(match: Match) -> tuple[int, int]:
    return match[:2]


def _from_the_widest(match: Match) -> tuple[int, int]:
    begin, end, _ = match
    return begin, -end


class _Voids:
    """Where a clause's conditions begin, and each part's plans and negations, by language."""

    def __init__(self, matches: list[Match], parts: list[int]) -> None:
        self._parts = parts
        self._conditions: dict[str, int] = {}
        self._plans: dict[tuple[str, int], int] = {}
        for begin, _, saying in matches:  # in the order of their beginnings, so that the first stays
            if saying.meaning == CONDITION:
                self._conditions.setdefault(saying.language, begin)
            elif saying.meaning == PLAN:
                self._plans.setdefault((saying.language, parts[begin]), begin)

    def cover(self, begin: int, saying: Saying) -> bool:
        """Return whether a phrase is voided by a condition before it or, if firm, by a plan or negation in its part."""
        if self._conditions.get(saying.language, begin) < begin:
            return True
        return saying.is_firm and self._plans.get((saying.language, self._parts[begin]), begin) < begin
