"""The syntax of phrases in a language's file, and the tree of words that all phrases are compiled into.

A phrase is a line of words. ``a/b`` is either word, ``word?`` is optional, ``word*`` is any word with that beginning
(at least four letters), ``<group>`` is any member of a group of the file, ``..`` stands for up to four more words,
``....`` for up to eight, in the same part of the sentence; ``^`` is the beginning of a clause, ``$`` its end.
Everything after ``#`` is a comment. Words of the file's ``noise`` (articles, auxiliary verbs) are left out of phrases
and texts alike.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from waypost.domain.wording.folding import END, START, clauses_of, fold

SHORTEST_STEM: Final = 4
_GAPS: Final = {"..": 4, "....": 8}

Words = tuple[str, ...]


class Saying(NamedTuple):
    """What a phrase says: ``meaning`` is a substatus, or ``nothing``, ``plan`` or ``condition``."""

    language: str
    meaning: str
    is_firm: bool
    """A preceding plan or negation in the same part of the sentence voids it."""
    is_vague: bool
    """These words also describe other events."""


class PhraseStep(NamedTuple):
    """One step of a phrase: any of several runs of words, or a gap of at most ``gap`` words."""

    ways: frozenset[Words] = frozenset()
    is_optional: bool = False
    gap: int = 0


class Node:
    """A node of the tree: the words that lead on, over which gaps, and the meaning of the words up to it."""

    __slots__ = ("branches", "gaps", "next", "sayings")

    def __init__(self) -> None:
        self.branches: dict[object, Node] = {}
        self.gaps: list[tuple[int, Node]] = []
        self.next: dict[str, list[Node]] = {}
        self.sayings: list[Saying] = []

    def branch(self, key: object) -> "Node":
        """Return the node that a set of words, or a gap, leads to; equal input leads to the same node."""
        node = self.branches.get(key)
        if node is None:
            node = self.branches[key] = Node()
            if isinstance(key, int):
                self.gaps.append((key, node))
        return node

    def add(self, steps: tuple[PhraseStep, ...], saying: Saying) -> None:
        """Add the paths of a phrase."""
        if not steps:
            if saying not in self.sayings:
                self.sayings.append(saying)
            return
        first, rest = steps[0], steps[1:]
        if first.gap:
            self.branch(first.gap).add(rest, saying)
            return
        if first.is_optional:
            self.add(rest, saying)
        single = frozenset(way[0] for way in first.ways if len(way) == 1)
        if single:
            self.branch(single).add(rest, saying)
        for way in first.ways:
            if len(way) > 1:
                self.add((*(PhraseStep(frozenset({(word,)})) for word in way), *rest), saying)


def phrases_of(lines: str) -> Iterator[str]:
    """Yield the phrases of a block, without comments and empty lines."""
    for line in lines.splitlines():
        phrase = line.partition("#")[0].strip()
        if phrase:
            yield phrase


def parse(phrase: str, groups: Mapping[str, frozenset[Words]], noise: frozenset[str]) -> tuple[PhraseStep, ...]:
    """Return a phrase's steps. Raise ValueError for an unknown group, a stem that is too short, or an empty phrase."""
    steps = tuple(step for item in phrase.split() if (step := _step(item, groups, noise)) is not None)
    if not steps or steps[0].gap or steps[-1].gap or all(step.is_optional for step in steps):
        raise ValueError(f"{phrase!r} must begin and end with a word, and not all of its words may be missing.")
    return steps


def ways_of(item: str, groups: Mapping[str, frozenset[Words]], noise: frozenset[str]) -> frozenset[Words]:
    """Return the runs of words that an item of a phrase or a group stands for."""
    ways: set[Words] = set()
    for part in item.split("/"):
        if part.startswith("<"):
            name = part[1:-1]
            if name not in groups:
                raise ValueError(f"There is no group {name!r}.")
            ways |= groups[name]
        else:
            ways.add(_words(part, noise))
    return frozenset(way for way in ways if way)


def _step(item: str, groups: Mapping[str, frozenset[Words]], noise: frozenset[str]) -> PhraseStep | None:
    if item in _GAPS:
        return PhraseStep(gap=_GAPS[item])
    if item in (START, END):
        return PhraseStep(frozenset({(item,)}))
    ways = ways_of(item.removesuffix("?"), groups, noise)
    return PhraseStep(ways, item.endswith("?")) if ways else None


# Phrases consist of few distinct words.
@lru_cache(maxsize=2048)
def _words(text: str, noise: frozenset[str]) -> Words:
    is_stem = text.endswith("*")
    clauses, _ = clauses_of(fold(text.removesuffix("*"))[0])
    words = [word for clause in clauses for word in clause.words[1:-1] if word not in noise]
    if is_stem:
        if len(words) != 1 or len(words[0]) < SHORTEST_STEM:
            raise ValueError(f"{text!r} is not one word of {SHORTEST_STEM} letters or more.")
        return (words[0] + "*",)
    return tuple(words)
