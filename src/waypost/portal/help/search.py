"""Search in the documentation: every word must occur in a section, and titles and headings count more than text.

The whole text is small (half a megabyte), so each search reads all of it. The length of a query and the number of its
words are bounded, because the search is open to everybody.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

import msgspec

from waypost.portal.help.documentation import PLACES, Lead, Section, sections, title

LONGEST_QUERY: Final = 100
MOST_HITS: Final = 30
_MOST_WORDS: Final = 5
_EXCERPT: Final = 200
_BEFORE: Final = 60


class Piece(msgspec.Struct, frozen=True):
    """A part of an excerpt, and whether it matches a word of the query."""

    text: str
    matches: bool


class Hit(msgspec.Struct, frozen=True):
    """A section that was found: its page, its heading, its address, and an excerpt around the first match."""

    page: str
    heading: str
    address: str
    excerpt: tuple[Piece, ...]


class _Entry(msgspec.Struct, frozen=True):
    section: Section
    title: str
    heading: str
    text: str


def find(query: str, lead: Lead) -> tuple[Hit, ...]:
    """Return the sections that contain every word of the query, the best first, at most ``MOST_HITS``.

    A word matches where it begins a word of the text, in upper or lower case. Among equal hits the order is that in
    which the pages are read.
    """
    words = tuple(dict.fromkeys(query.casefold().split()))[:_MOST_WORDS]
    patterns = {word: re.compile(_beginning(word)) for word in words}
    ranked = [(score, entry) for entry in _entries() if (score := _score(entry, patterns))]
    ranked.sort(key=lambda pair: -pair[0])
    matching = re.compile("|".join(map(_beginning, words)), re.IGNORECASE)
    return tuple(_hit(entry.section, matching, lead) for _, entry in ranked[:MOST_HITS])


def _beginning(word: str) -> str:
    return rf"(?<!\w){re.escape(word)}" if word[0].isalnum() else re.escape(word)


@cache
def _entries() -> tuple[_Entry, ...]:
    return tuple(
        _Entry(
            section,
            title(place).casefold(),
            section.heading.text.casefold() if section.heading else "",
            section.text.casefold(),
        )
        for place in PLACES
        for section in sections(place)
    )


def _score(entry: _Entry, patterns: Mapping[str, re.Pattern[str]]) -> int:
    """Return 0 unless every word occurs in the section; a page's title counts for its first section only."""
    score = 0
    for word, pattern in patterns.items():
        points = 0
        if pattern.search(entry.heading):
            points += 10
        if not entry.section.heading and pattern.search(entry.title):
            points += 20
        if word in entry.text and pattern.search(entry.text):  # plain search first: it is ten times as fast
            points += 1
        if not points:
            return 0
        score += points
    return score


def _hit(section: Section, matching: re.Pattern[str], lead: Lead) -> Hit:
    anchor = f"#{section.heading.anchor}" if section.heading else ""
    return Hit(
        title(section.place),
        section.heading.text if section.heading else "",
        lead(f"{section.place.file}{anchor}") or "",
        _excerpt(section.text, matching),
    )


def _excerpt(text: str, matching: re.Pattern[str]) -> tuple[Piece, ...]:
    first = matching.search(text)
    start = max(first.start() - _BEFORE, 0) if first else 0
    if start:
        start = text.find(" ", start) + 1
    shown = text[start : start + _EXCERPT]
    pieces, at = [Piece("… ", matches=False)] if start else [], 0
    for match in matching.finditer(shown):
        pieces += [Piece(shown[at : match.start()], matches=False), Piece(match[0], matches=True)]
        at = match.end()
    end = " …" if start + _EXCERPT < len(text) else ""
    return (*pieces, Piece(shown[at:] + end, matches=False))
