"""Code that a shop's developer copies to verify a webhook: per language one short file for each way to sign.

Comes in: a language's key and a ``Way``. Goes out: the snippet's text, as it stands in its file. Called by the pages.
The files use their language's standard library only and are run by ``tests/contract/test_snippets.py`` against what
``waypost.signing`` signs. They are texts here: nothing of Waypost imports them.
"""

from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Final

import msgspec


class Way(StrEnum):
    """How a webhook is signed: by Standard Webhooks, or as TrackingMore does in one of its payload versions."""

    STANDARD = "standard"
    V4 = "v4"
    V3 = "v3"
    V2 = "v2"


class Language(msgspec.Struct, frozen=True):
    """A language: its folder, its name for people, the suffix of its files and Pygments' name of its lexer."""

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
"""All languages there are snippets in, in the order in which the pages offer them."""

_SUFFIXES: Final = {language.key: language.suffix for language in LANGUAGES}


@lru_cache
def snippet(language: str, way: Way) -> str:
    """Give the text of a language's snippet; KeyError for a language that has none."""
    name = f"{way}.{_SUFFIXES[language]}"
    return files(__name__).joinpath(language, name).read_text(encoding="utf-8")
