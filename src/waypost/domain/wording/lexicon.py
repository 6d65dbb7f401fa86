"""All languages in one: the tree of their phrases and its words, loaded once from ``languages/*.toml``."""

import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from waypost.domain.statuses import SUBSTATUSES
from waypost.domain.wording.automaton import PhraseState, states_of
from waypost.domain.wording.folding import END, START, Clause
from waypost.domain.wording.phrases import SHORTEST_STEM, Node, Saying, Words, parse, phrases_of, ways_of

NOTHING: Final = "nothing"
"""The meaning of phrases that say nothing and hide the meaning of shorter phrases within them."""
PLAN: Final = "plan"
CONDITION: Final = "condition"
_FOLDER: Final = files(__package__) / "languages"
_FIELDS: Final = {"says": (True, False), "anyway": (False, False), "vaguely": (True, True), "perhaps": (False, True)}
"""What the phrases of a block imply: firm or vague. ``anyway`` and ``perhaps`` hold in plans and negations."""


class Lexicon(NamedTuple):
    """The automaton, the words it knows (a word leads to itself or to its stem), and the words to leave out."""

    states: tuple[PhraseState, ...]
    words: Mapping[str, str]
    stems: Mapping[str, tuple[str, ...]]
    noise: frozenset[str]
    joints: frozenset[str]
    """Words that start a new part of a sentence, as commas do."""

    def known(self, clause: Clause) -> Clause:
        """Return a clause without the words to leave out; words with a known stem become it, unknown words ""."""
        words: list[str] = []
        parts: list[int] = []
        joined = 0
        for word, part in zip(clause.words, clause.parts, strict=True):
            found = self.words.get(word)
            if found is None:
                if word in self.joints:
                    joined += 1
                    continue
                if word in self.noise:
                    continue
                found = self._stem(word)
            words.append(found)
            parts.append(part + joined)
        return Clause(words, parts, clause.is_question)

    def _stem(self, word: str) -> str:
        for stem in self.stems.get(word[:SHORTEST_STEM], ()):
            if word.startswith(stem):
                return stem + "*"
        return ""


@cache
def load() -> Lexicon:
    """Return the lexicon of all languages. Raise ValueError if a file is not valid."""
    languages = {
        file.name.removesuffix(".toml"): tomllib.loads(file.read_text(encoding="utf-8"))
        for file in sorted(_FOLDER.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    }
    return build(languages)


def build(languages: Mapping[str, Mapping[str, object]]) -> Lexicon:
    """Return the lexicon of the given languages, parsed from their files."""
    noise = frozenset(word for one in languages.values() for word in _text(one, "noise").split())
    joints = frozenset(word for one in languages.values() for word in _text(one, "joints").split())
    root = Node()
    for name, language in languages.items():
        groups: dict[str, frozenset[Words]] = {}
        for group, members in _table(language, "groups").items():
            lines = phrases_of(str(members))
            ways = (way for line in lines for way in _group_ways(line, groups, noise))
            groups[group] = frozenset(ways)
        for phrase, saying in _sayings(name, language):
            try:
                root.add(parse(phrase, groups, noise), saying)
            except ValueError as error:
                raise ValueError(f"languages/{name}.toml: {error}") from error
    words = _linked(root)
    stems: dict[str, tuple[str, ...]] = {}
    for word in sorted(words, key=len, reverse=True):
        if word.endswith("*"):
            begin = word[:SHORTEST_STEM]
            stems[begin] = (*stems.get(begin, ()), word[:-1])
    whole = {word: word for word in (*words, START, END) if not word.endswith("*") and word not in joints}
    return Lexicon(tuple(states_of(root)), whole, stems, noise, joints)


def _group_ways(line: str, groups: Mapping[str, frozenset[Words]], noise: frozenset[str]) -> Iterator[Words]:
    """Yield the meanings of a line of a group: runs of words, whose items may have alternatives."""
    runs: list[Words] = [()]
    for item in line.split():
        ways = ways_of(item.removesuffix("?"), groups, noise)
        longer = [run + way for run in runs for way in ways]
        runs = longer + runs if item.endswith("?") else longer or runs
    yield from runs


def _sayings(name: str, language: Mapping[str, object]) -> Iterator[tuple[str, Saying]]:
    for meaning in language:
        if meaning in ("noise", "joints", "groups"):
            continue
        if meaning not in SUBSTATUSES and meaning not in (NOTHING, PLAN, CONDITION):
            raise ValueError(f"languages/{name}.toml: {meaning!r} is not a substatus.")
        for field, lines in _table(language, meaning).items():
            if field not in _FIELDS:
                raise ValueError(f"languages/{name}.toml: {field!r} is not one of {', '.join(_FIELDS)}.")
            is_firm, is_vague = _FIELDS[field]
            for phrase in phrases_of(str(lines)):
                yield phrase, Saying(name, meaning, is_firm, is_vague)


def _linked(root: Node) -> frozenset[str]:
    """Link each word of the tree to the nodes of the sets that contain it or its stem, and return the words."""
    nodes = list(_nodes(root))
    sets = {key for node in nodes for key in node.branches if isinstance(key, frozenset)}
    words = sorted({word for key in sets for word in key})
    wider = {key: _with_stems(key, words) for key in sets}
    for node in nodes:
        for key, branch in node.branches.items():
            if isinstance(key, frozenset):
                for word in wider[key]:
                    node.next.setdefault(word, []).append(branch)
    return frozenset(words)


def _with_stems(some: frozenset[str], words: list[str]) -> set[str]:
    found = set(some)
    for stem in (word[:-1] for word in some if word.endswith("*")):
        at = bisect_left(words, stem)
        while at < len(words) and words[at].startswith(stem):
            found.add(words[at])
            at += 1
    return found


def _nodes(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.branches.values())


def _text(language: Mapping[str, object], name: str) -> str:
    return str(language.get(name, ""))


def _table(language: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = language.get(name, {})
    return table if isinstance(table, dict) else {}
