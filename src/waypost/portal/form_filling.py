"""Fill a form of a rendered page with what its visitor has typed before, and open the dialog that it is in."""

from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Final

from markupsafe import escape

_KEPT_TYPES: Final = frozenset({"hidden", "password", "file", "submit", "button"})
_VALUE: Final = ' value="'
_PICKED: Final = frozenset({"checkbox", "radio"})


def fill_form(html: str, action: str, fields: Sequence[tuple[str, str]]) -> str | None:
    """Return the page with the POST form of this address filled; None if it has no such form.

    Everything else of the page stays as it is, byte by byte. Hidden fields and passwords are left alone.
    """
    filler = _Filler(action, fields)
    filler.feed(html)
    filler.close()
    return "".join(filler.pieces) if filler.is_found else None


class _Filler(HTMLParser):
    def __init__(self, action: str, fields: Sequence[tuple[str, str]]) -> None:
        super().__init__(convert_charrefs=False)
        self.pieces: list[str] = []
        self.is_found = False
        self._action = action
        self._values: dict[str, list[str]] = {}
        for name, value in fields:
            self._values.setdefault(name, []).append(value)
        self._inside = False
        self._select: str | None = None
        self._skips = False
        self._dialog: int | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given, text = dict(attrs), self.get_starttag_text() or ""
        if tag == "dialog":
            self._dialog = len(self.pieces)
        elif tag == "form" and given.get("method") == "post" and given.get("action") == self._action:
            self._inside = self.is_found = True
            self._open_dialog()
        if self._inside:
            text = self._filled(tag, given, text)
        self.pieces.append(text)

    def handle_startendtag(self, *_: object) -> None:
        self.pieces.append(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "dialog":
            self._dialog = None
        elif tag == "form":
            self._inside = False
        elif tag == "textarea":
            self._skips = False
        self.pieces.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._skips:
            self.pieces.append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self.pieces.append(f"<!{decl}>")

    def handle_comment(self, data: str) -> None:
        self.pieces.append(f"<!--{data}-->")

    def _open_dialog(self) -> None:
        if self._dialog is not None and " open" not in self.pieces[self._dialog]:
            self.pieces[self._dialog] = f"{self.pieces[self._dialog][:-1]} open>"

    def _filled(self, tag: str, given: dict[str, str | None], text: str) -> str:
        name = given.get("name") or ""
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select in self._values:
            return _marked(text, "selected", on=(given.get("value") or "") in self._values[self._select])
        elif tag == "textarea" and name in self._values:
            self._skips = True
            return text + str(escape(self._values[name][0]))
        elif tag == "input" and given.get("type") in _PICKED:
            return _marked(text, "checked", on=(given.get("value") or "on") in self._values.get(name, []))
        elif tag == "input" and given.get("type") not in _KEPT_TYPES and name in self._values:
            return _valued(text, given.get("value"), self._values[name][0])
        return text


def _marked(text: str, mark: str, *, on: bool) -> str:
    plain = text.replace(f" {mark}", "")
    return f"{plain[:-1]} {mark}>" if on else plain


def _valued(text: str, before: str | None, value: str) -> str:
    if before is None:
        return f'{text[:-1]} value="{escape(value)}">'
    start = text.index(_VALUE) + len(_VALUE)
    end = text.index('"', start)
    return f"{text[:start]}{escape(value)}{text[end:]}"
