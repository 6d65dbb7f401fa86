"""What a receiver said about an error, in one line: the text of its response, or the title of its error page."""

import html
import re
from typing import Final

LONGEST: Final = 200
_TITLE: Final = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]*>?")
_REPLACED: Final = "\N{REPLACEMENT CHARACTER}"


def receivers_words(body: bytes | None) -> str | None:
    """Return the words at the beginning of a response; None if there are none, as in compressed or binary bodies.

    Control characters become spaces: the words are under the receiver's control.
    """
    text = (body or b"").decode("utf-8", "replace").rstrip(_REPLACED)  # a character may have been cut in two
    if _REPLACED in text or "\0" in text:
        return None
    if text.lstrip()[:1] == "<":
        title = _TITLE.search(text)
        text = html.unescape(title[1] if title else _TAG.sub(" ", text))
    words = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return None if not words else words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
