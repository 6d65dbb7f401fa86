"""Code in its colours: the classes ``hl-…`` of the style sheet around what Pygments tells apart."""

from typing import Final

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_FORMATTER: Final = HtmlFormatter(nowrap=True, classprefix="hl-")


def coloured(text: str, language: str) -> Markup:
    """Give a text as HTML; in a language that is not known, without colours."""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return escape(text)
    return Markup(highlight(text, lexer, _FORMATTER))  # noqa: S704 - Pygments escapes what it wraps
