"""Finds the phrases of ``phrases.toml`` in the project's files.

A space in a pattern also matches a line break inside a comment, and the underscore of a name, so that test names are
read like sentences.
"""

import functools
import io
import re
import tokenize
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
RULES: Final = Path(__file__).with_name("phrases.toml")
SUFFIXES: Final = frozenset(
    {"", ".cs", ".css", ".go", ".html", ".java", ".js", ".json", ".md", ".mjs", ".php", ".py", ".rb", ".sql", ".toml"}
    | {".conf", ".nft", ".service", ".txt", ".yaml", ".yml"}
)


@dataclass(frozen=True)
class Phrase:
    """A phrase to avoid, and what to write instead.

    ``prose``: code of a Python file is not searched, only its comments and texts.
    """

    pattern: str
    write: str
    example: str
    prose: bool = False


class Exempt(NamedTuple):
    """A text in which a phrase is right, and why; ``path`` is a pattern of paths."""

    path: str
    text: str
    reason: str


class Rules(NamedTuple):
    """What ``phrases.toml`` says. ``skipped`` are patterns of paths with generated words, or other people's."""

    phrases: Sequence[Phrase]
    exceptions: Sequence[Exempt]
    folders: Sequence[str]
    skipped: Sequence[str]


class Found(NamedTuple):
    """A phrase in a file."""

    path: str
    line: int
    text: str
    phrase: Phrase


def read_rules(file: Path = RULES) -> Rules:
    """Return the rules of a file."""
    content: Mapping[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    return Rules(
        phrases=[Phrase(**one) for one in content["phrases"]],
        exceptions=[Exempt(**one) for one in content.get("exceptions", ())],
        folders=content["folders"],
        skipped=content["skipped"],
    )


def files(rules: Rules, root: Path = ROOT) -> Iterator[Path]:
    """Yield the files to search, relative to the root, in order."""
    for folder in rules.folders:
        start = root / folder
        for path in [start] if start.is_file() else sorted(start.rglob("*")):
            relative = path.relative_to(root)
            skipped = "node_modules" in path.parts or any(relative.match(one) for one in rules.skipped)
            if path.suffix in SUFFIXES and path.is_file() and not skipped:
                yield relative


def search(rules: Rules, paths: Iterable[Path], root: Path = ROOT) -> tuple[list[Found], set[Exempt]]:
    """Return the phrases found that no exception excuses, in order, and the exceptions that excused one."""
    patterns = {phrase: re.compile(expanded(phrase.pattern), re.MULTILINE) for phrase in rules.phrases}
    found: list[Found] = []
    used: set[Exempt] = set()
    for path in paths:
        text = (root / path).read_text(encoding="utf-8")
        read = as_sentences(text)
        for phrase, pattern in patterns.items():
            for match in pattern.finditer(read):
                if phrase.prose and path.suffix == ".py" and is_code(text, match.start()):
                    continue
                excuses = [one for one in rules.exceptions if path.match(one.path) and covers(one, read, match)]
                used.update(excuses)
                if not excuses:
                    line = text.count("\n", 0, match.start()) + 1
                    found.append(Found(path.as_posix(), line, " ".join(match[0].split()), phrase))
    return sorted(found, key=lambda one: (one.path, one.line)), used


def expanded(pattern: str) -> str:
    """Return a pattern whose spaces also match one line break."""
    return pattern.replace(" ", r"(?:[ \t]+|[ \t]*\n[ \t]*)")


def as_sentences(text: str) -> str:
    """Return a text of the same length in which names, comments and texts over several lines read like sentences."""
    for joint in (_UNDERSCORE, _COMMENT, _TEXTS_SIDE_BY_SIDE):
        text = joint.sub(_blank, text)
    return text


_UNDERSCORE = re.compile(r"(?<=[a-z])_(?=[a-z])")
_COMMENT = re.compile(r"(?<=\n)[ \t]*(?:#:?|--|//+|\*)(?= )")
_TEXTS_SIDE_BY_SIDE = re.compile(r"(?<=[ \w,.;:])(?P<quote>[\"'])[ \t]*\n[ \t]*[rf]?(?P=quote)")


def _blank(match: re.Match[str]) -> str:
    return "".join("\n" if character == "\n" else " " for character in match[0])


def covers(exception: Exempt, read: str, match: re.Match[str]) -> bool:
    """Return whether a match is within an exception's text."""
    text = r"\s+".join(re.escape(word) for word in exception.text.split())
    return any(one.start() < match.end() and match.start() < one.end() for one in re.finditer(text, read))


def is_code(text: str, position: int) -> bool:
    """Return whether a position of a Python file is outside its comments, its texts and the names of its tests."""
    line = text.count("\n", 0, position) + 1
    place = (line, position - text.rfind("\n", 0, position) - 1)
    return not any(start <= place < end for start, end in _prose(text))


@functools.lru_cache(maxsize=1)
def _prose(text: str) -> Sequence[tuple[tuple[int, int], tuple[int, int]]]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [
        (one.start, one.end)
        for one in tokens
        if one.type in _KINDS_OF_PROSE or (one.type == tokenize.NAME and one.string.startswith("test_"))
    ]


_KINDS_OF_PROSE = frozenset({tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)})
