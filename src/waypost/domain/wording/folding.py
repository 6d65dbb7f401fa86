"""A text as words: one spelling for case, umlauts, accents, wide letters and apostrophes, cut at fixed limits.

A word is a run of letters and digits, or a single Chinese or Japanese character, since those languages are written
without spaces. Between words, punctuation ends a part of a sentence (``,``) or a whole clause (``.``).
"""

import re
from typing import Final, NamedTuple
from unicodedata import decomposition, is_normalized, normalize

LONGEST: Final = 400
"""The number of characters of a text that are read, counted before and after normalisation, which may expand one."""
MOST_WORDS: Final = 56
"""The number of words of a text that are read; Chinese and Japanese characters count half."""
MOST_CLAUSES: Final = 8
START: Final = "^"
END: Final = "$"

_PIECE: Final = 20
_SIGNS: Final = "\u3005\u3040-\u30ff\u3400-\u9fff"
_FIRST_SIGN: Final = "\u3005"
_LAST_WORD: Final = "\ua000"
_QUESTION: Final = "?"
_CLAUSE_ENDS: Final = frozenset(".;!?\u2026\u3002|-\u2013\u2014\n")
_PART_ENDS: Final = frozenset(",:()[]\u3001\u3010\u3011")
_MARKS: Final = _PART_ENDS | _CLAUSE_ENDS
_TOKEN: Final = re.compile(
    rf"[{_SIGNS}]+|[^\W_{_SIGNS}]+|[,:()\[\]\u3001\u3010\u3011]|[.;!?](?!\S)|(?<=[{_SIGNS}])[.;!?]|[\u2026\u3002]|(?<=\s)[-\u2013\u2014|](?=\s)|\n"
)
_LETTERS: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "\u0451": "\u0435", "ł": "l", "ø": "o", "đ": "d", "æ": "ae"}
_APOSTROPHES: Final = {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u00b4": "'", "`": "'"}
_ENGLISH: Final = (("n't", " not"), ("u.s.", "us"))
_TRADE_MARK: Final = "\u2122"  # NFKC turns it into two letters at the end of a name
_UNSEEN: Final = ("\u00ad", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\ufeff")


def _plain_letters() -> dict[int, str]:
    """Return Latin letters without their accents; other letters keep them, since й is not и."""
    return {
        code: chr(int(parts.split()[0], 16))
        for code in range(0xC0, 0x250)
        if (parts := decomposition(chr(code))) and not parts.startswith("<")
    }


_SPELLINGS: Final = _plain_letters() | str.maketrans(_LETTERS | _APOSTROPHES | dict.fromkeys(_UNSEEN, ""))
_OTHER_SPELLING: Final = re.compile(f"[{re.escape(''.join(map(chr, _SPELLINGS)))}]")


class Clause(NamedTuple):
    """The words of a clause between ``START`` and ``END``, and for each word the number of its part of the sentence."""

    words: list[str]
    parts: list[int]
    is_question: bool


def fold(text: str) -> tuple[str, bool]:
    """Return the text in one spelling, and whether it was cut."""
    short = text[:LONGEST]
    if not short.isascii():
        short = _normalised(short.replace(_TRADE_MARK, " "))
    folded = short[:LONGEST].casefold()
    if not folded.isascii() and _OTHER_SPELLING.search(folded):
        folded = folded.translate(_SPELLINGS)
    for found, meant in _ENGLISH:
        if found in folded:
            folded = folded.replace(found, meant)
    return folded[:LONGEST], len(text) > LONGEST or len(short) > LONGEST or len(folded) > LONGEST


def _normalised(text: str) -> str:
    """Normalise a text piece by piece until there is enough: some characters become eighteen."""
    if is_normalized("NFKC", text):
        return text
    pieces: list[str] = []
    room = LONGEST
    for begin in range(0, len(text), _PIECE):
        pieces.append(normalize("NFKC", text[begin : begin + _PIECE]))
        room -= len(pieces[-1])
        if room < 0:
            break
    return "".join(pieces)


def clauses_of(folded: str) -> tuple[list[Clause], bool]:
    """Return the clauses of a folded text, at most eight, and whether there were more words than are read."""
    clauses: list[Clause] = []
    words, parts, part, room = [START], [0], 0, 2 * MOST_WORDS
    for token in _TOKEN.findall(folded):
        if token not in _MARKS:
            is_word = token < _FIRST_SIGN or token > _LAST_WORD
            if room < (2 if is_word else len(token)):
                return [*clauses, _closed(words, parts)], True
            if is_word:
                room -= 2
                words.append(token)
                parts.append(part)
            else:
                room -= len(token)
                words += token
                parts += [part] * len(token)
        elif token in _PART_ENDS:
            part += 1
        elif len(words) > 1:
            clauses.append(_closed(words, parts, is_question=token == _QUESTION))
            if len(clauses) == MOST_CLAUSES:
                return clauses, True
            words, parts, part = [START], [0], 0
    if len(words) > 1:
        clauses.append(_closed(words, parts))
    return clauses, False


def _closed(words: list[str], parts: list[int], *, is_question: bool = False) -> Clause:
    words.append(END)
    parts.append(parts[-1])
    return Clause(words, parts, is_question)
