"""Syntax highlighting by Pygments, with the ``hl-…`` classes of the style sheet."""

from typing import Final

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_FORMATTER: Final = HtmlFormatter(nowrap=True, classprefix="hl-")


def coloured(text: str, language: str) -> Markup:
    """Return a text as highlighted HTML; without highlighting if the language is unknown."""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return escape(text)
    return Markup(highlight(text, lexer, _FORMATTER))  # noqa: S704 - Pygments escapes what it wraps
