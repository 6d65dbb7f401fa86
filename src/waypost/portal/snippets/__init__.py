"""Code for developers to copy that verifies a webhook: for each language, one short file per kind of signature.

Input: a language's key and a ``Way``. Output: the text of the snippet's file. The pages call this package. The files
use only their language's standard library; ``tests/contract/test_snippets.py`` runs them against signatures made by
``waypost.signing``. Nothing in Waypost imports them.
"""

from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Final

import msgspec


class Way(StrEnum):
    """How a webhook is signed: by Standard Webhooks, or like TrackingMore in one of its payload versions."""

    STANDARD = "standard"
    V4 = "v4"
    V3 = "v3"
    V2 = "v2"


class Language(msgspec.Struct, frozen=True):
    """A language: its folder, its display name, its file suffix and its Pygments lexer."""

    key: str
    label: str
    suffix: str
    lexer: str


LANGUAGES: Final = (
    Language("python", "Python", "py", "python"),
    Language("node", "Node.js", "mjs", "javascript"),
    Language("php", "PHP", "php", "php"),
    Language("go", "Go", "go", "go"),
    Language("ruby", "Ruby", "rb", "ruby"),
    Language("java", "Java", "java", "java"),
    Language("csharp", "C#", "cs", "csharp"),
)
"""All languages that have snippets, in the order of the pages."""

_SUFFIXES: Final = {language.key: language.suffix for language in LANGUAGES}


@lru_cache
def snippet(language: str, way: Way) -> str:
    """Return the text of a language's snippet. Raise KeyError for an unknown language."""
    name = f"{way}.{_SUFFIXES[language]}"
    return files(__name__).joinpath(language, name).read_text(encoding="utf-8")
