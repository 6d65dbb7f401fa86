"""Remove the customer's data from carriers' texts by comparing words: customers' input never becomes a pattern."""

import re
from collections.abc import Iterable, Iterator
from typing import Final
from unicodedata import normalize

from waypost.domain.trackings import TrackingState

MOST_WORDS: Final = 10
"""The number of words of one fact that are searched for."""

HIDDEN: Final = "•••"
_NAMES: Final = ("customer_name", "signed_by")
_PRIVATE: Final = (
    *("customer_email", "customer_sms", "recipient_postcode", "tracking_postal_code", "scheduled_address"),
    *("order_number", "order_id"),
)
_SHORTEST: Final = 3
_SHORTEST_HAN: Final = 2
_LONGEST_FACT: Final = 500
# Chinese is written without spaces: each of its characters is a word.
_HAN: Final = "\u3400-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_HAN}]|[^\W{_HAN}]+")
_IS_HAN: Final = re.compile(rf"[{_HAN}]+")
_EMAIL: Final = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,255}")  # bounded for long texts without an address

Words = tuple[str, ...]


class Privacy:
    """The private words of one parcel, which the tracking page hides."""

    def __init__(self, state: TrackingState) -> None:
        self._by_first: dict[str, set[Words]] = {}
        for words in _private(state):
            self._by_first.setdefault(words[0], set()).add(words)

    def hide(self, text: str) -> str:
        """Return a text without the customer's data and without e-mail addresses."""
        text = _EMAIL.sub(HIDDEN, normalize("NFC", text))
        found = list(_WORD.finditer(text))
        words = [match[0].casefold() for match in found]
        kept, end, place = [], 0, 0
        while place < len(words):
            length = self._length_at(words, place)
            if length:
                kept += [text[end : found[place].start()], HIDDEN]
                end = found[place + length - 1].end()
            place += length or 1
        return "".join([*kept, text[end:]])

    def _length_at(self, words: list[str], place: int) -> int:
        """Return the number of private words that start at a place; 0 for none."""
        fitting = self._by_first.get(words[place], ())
        return max((len(one) for one in fitting if tuple(words[place : place + len(one)]) == one), default=0)


def _private(state: TrackingState) -> Iterator[Words]:
    """Yield the private word sequences: each word of a name separately, everything else as written."""
    for name in _PRIVATE:
        yield from _as_words([_fact(state, name)])
    for name in _NAMES:
        text = _fact(state, name)
        yield from _as_words([text] if _IS_HAN.fullmatch(text) else text.split()[:MOST_WORDS])


def _as_words(texts: Iterable[str]) -> Iterator[Words]:
    for text in texts:
        words = tuple(word.casefold() for word in _WORD.findall(text)[:MOST_WORDS])
        length = len("".join(words))
        if length >= (_SHORTEST_HAN if words and _IS_HAN.fullmatch(words[0]) else _SHORTEST):
            yield words


def _fact(state: TrackingState, name: str) -> str:
    fact = state.facts.get(name)
    return "" if fact is None else normalize("NFC", fact.text[:_LONGEST_FACT]).strip()
