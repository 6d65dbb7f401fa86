"""The documentation as pages: its chapters in reading order, and each file as HTML.

Input: the Markdown files of ``docs/``, from the package or a checkout. Output: a ``Guide`` whose links the caller
resolves, so that ``/help`` and the static pages of ``make docs`` share this code.
"""

import itertools
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import msgspec
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

from waypost.portal.highlighting import coloured


class GuidePlace(msgspec.Struct, frozen=True):
    """The folder and name of a page of the documentation."""

    folder: str
    name: str

    @property
    def file(self) -> str:
        """The file inside ``docs/``."""
        return f"{self.folder}/{self.name}.md"


class Chapter(msgspec.Struct, frozen=True):
    """A folder of ``docs/``: its title, its purpose, and its pages in reading order."""

    folder: str
    title: str
    about: str
    names: tuple[str, ...]

    @property
    def places(self) -> tuple[GuidePlace, ...]:
        """Its pages."""
        return tuple(GuidePlace(self.folder, name) for name in self.names)


CHAPTERS: Final = (
    Chapter("tutorial", "Tutorial", "A first tour of Waypost, with every step to copy.", ("first-parcel",)),
    Chapter(
        "webhooks",
        "Webhooks",
        "The pages for developers, one guide for each task.",
        (
            *("how-it-works", "setup", "update", "test", "disable-or-delete"),
            *("secure", "retry", "specifications", "outgoing-ip"),
        ),
    ),
    Chapter(
        "how-to",
        "How to",
        "Recipes for one task each.",
        (
            *("move-from-trackingmore", "receive-in-python", "verify", "order-and-duplicates", "develop-locally"),
            *(
                "connect-carriers",
                "more-carriers",
                "receive-pushes",
                "import-parcels",
                "show-the-track-page",
                "find-out-why",
            ),
            *("after-an-outage", "get-alerts", "run-for-real", "deploy", "two-servers", "keep-keys-safe"),
            *("connect-an-assistant", "add-a-carrier"),
        ),
    ),
    Chapter(
        "reference",
        "Reference",
        "Every setting, command, call, field and code, generated from the code or checked against it.",
        (
            *(
                "glossary",
                "settings",
                "command-line",
                "calls",
                "errors",
                "statuses",
                "deliveries",
                "metrics",
                "logs",
                "carriers",
                "pushes",
                "courier-detection",
                "receiver",
            ),
            *("payload-v4", "payload-v3", "payload-v2"),
        ),
    ),
    Chapter(
        "explanation",
        "Background",
        "What Waypost promises, and why it works the way it does.",
        ("guarantees", "life-of-a-delivery", "order-and-retries", "statuses", "security"),
    ),
    Chapter(
        "contributing",
        "Contributing",
        "How to change Waypost itself.",
        ("first-change", "extend", "release"),
    ),
)

Lead = Callable[[str], str | None]
"""Returns the address of a documentation file (``webhooks/retry.md#the-schedule``) or a server path
(``/developer/webhooks``), or None if there is nothing to link to."""


class Heading(msgspec.Struct, frozen=True):
    """A heading below the title: its level, text and anchor."""

    level: int
    text: str
    anchor: str


class IndexEntry(msgspec.Struct, frozen=True):
    """A line of the index: its text, its address, and the title of the page that contains it (empty for a title)."""

    text: str
    address: str
    within: str

    @property
    def letter(self) -> str:
        """The letter it is sorted under."""
        return self.text.removeprefix(_OWN_PREFIX)[0].upper()


class Guide(msgspec.Struct, frozen=True):
    """A page of the documentation: its place, title, HTML and headings."""

    place: GuidePlace
    title: str
    html: Markup
    headings: tuple[Heading, ...]


class Section(msgspec.Struct, frozen=True):
    """The text below one heading of a page, without markup. The part above the first heading has no heading."""

    place: GuidePlace
    heading: Heading | None
    text: str


PLACES: Final = tuple(place for chapter in CHAPTERS for place in chapter.places)
"""Every page, in reading order."""

_STEP: Final = re.compile(r"^[0-9]+\. ")
_OWN_PREFIX: Final = "WAYPOST_"
_FILE: Final = re.compile(r'\bfile="([^"]+)"')
_NOT_IN_ANCHORS: Final = re.compile(r"[^\w\- ]")


def folder() -> Traversable:
    """Return the documentation's folder: inside the package or, in a checkout, beside ``src``."""
    packaged = files("waypost") / "docs"
    return packaged if packaged.is_dir() else Path(__file__).parents[4] / "docs"


@lru_cache
def source(place: GuidePlace) -> str:
    """Return the Markdown of a page of the documentation."""
    return (folder() / place.folder / f"{place.name}.md").read_text(encoding="utf-8")


@lru_cache
def title(place: GuidePlace) -> str:
    """Return the title of a page of the documentation, its first line."""
    return source(place).partition("\n")[0].removeprefix("# ")


def following(place: GuidePlace) -> GuidePlace | None:
    """Return the next page in reading order, or None after the last."""
    return dict(itertools.pairwise(PLACES)).get(place)


def index(lead: Lead) -> tuple[tuple[str, tuple[IndexEntry, ...]], ...]:
    """Return all titles and headings by first letter, without the numbers of steps.

    A heading that a page has more than once is followed by the one above it.
    """
    entries = [IndexEntry(title(place), lead(place.file) or "", "") for place in PLACES]
    for place in PLACES:
        headings, above = read(place, lead).headings, ""
        often = Counter(heading.text for heading in headings)
        top = min((heading.level for heading in headings), default=0)
        for heading in headings:
            text = _STEP.sub("", heading.text)
            above = text if heading.level == top else above
            shown = f"{text}: {above}" if often[heading.text] > 1 and above != text else text
            entries.append(IndexEntry(shown, lead(f"{place.file}#{heading.anchor}") or "", title(place)))
    entries.sort(key=lambda entry: (entry.letter, entry.text.lower(), entry.within))
    return tuple((letter, tuple(group)) for letter, group in itertools.groupby(entries, lambda entry: entry.letter))


def read(place: GuidePlace, lead: Lead) -> Guide:
    """Return a page, with its links resolved by ``lead``."""
    tokens = _MARKDOWN.parse(source(place))
    headings = _anchored(tokens)
    _name_columns(tokens)
    _lead_on(tokens, place.folder, lead)
    shown = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {"tables": 0, "codes": 0})
    return Guide(place, title(place), Markup(shown), headings)  # noqa: S704 - our own text, rendered without raw HTML


def anchor_of(heading: str) -> str:
    """Return the anchor of a heading as GitHub generates it."""
    return _NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-")


def sections(place: GuidePlace) -> tuple[Section, ...]:
    """Return a page's sections in order; code and the cells of tables are part of their text."""
    tokens = _MARKDOWN.parse(source(place))
    headings = iter(_anchored(tokens))
    found: list[tuple[Heading | None, list[str]]] = [(None, [])]
    for previous, token in itertools.pairwise(tokens):
        if token.type == "heading_open" and token.tag != "h1":
            found.append((next(headings), []))
        elif token.type == "fence":
            found[-1][1].append(token.content)
        elif token.type == "inline" and previous.type != "heading_open":
            found[-1][1].append("".join(_plain(part) for part in token.children or ()))
    return tuple(Section(place, heading, " ".join(" ".join(texts).split())) for heading, texts in found)


def _plain(part: Token) -> str:
    return " " if part.type == "softbreak" else part.content


def _anchored(tokens: Sequence[Token]) -> tuple[Heading, ...]:
    """Set the anchor of every heading as GitHub does, so that links work there too."""
    found: dict[str, Heading] = {}
    for opening, words in itertools.pairwise(tokens):
        if opening.type != "heading_open" or opening.tag == "h1":
            continue
        text = "".join(part.content for part in words.children or ())
        anchor = anchor_of(text)
        repeated = sum(one.anchor == anchor or one.anchor.startswith(f"{anchor}-") for one in found.values())
        anchor = f"{anchor}-{repeated}" if anchor in found else anchor
        opening.attrSet("id", anchor)
        found[anchor] = Heading(int(opening.tag[1]), text, anchor)
    return tuple(found.values())


def _name_columns(tokens: Sequence[Token]) -> None:
    """Turn empty header cells into data cells: an empty heading is useless to a screen reader."""
    for opening, words, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opening.type == "th_open" and not words.content:
            opening.tag = closing.tag = "td"


def _lead_on(tokens: Sequence[Token], within: str, lead: Lead) -> None:
    for block in tokens:
        for token in block.children or ():
            name = {"link_open": "href", "image": "src"}.get(token.type)
            target = str(token.attrs.get(name, "")) if name else ""
            if not name or not target or target.startswith(("https://", "http://", "#")):
                continue
            address = lead(target if target.startswith("/") else posixpath.normpath(f"{within}/{target}"))
            if address is None:
                del token.attrs[name]
            else:
                token.attrSet(name, address)


def _code(_: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, env: dict[str, Any]) -> str:
    """Return a highlighted code block that can be scrolled with the keyboard."""
    language = tokens[index].info.partition(" ")[0]
    named = _FILE.search(tokens[index].info)
    env["codes"] += 1
    label = f"Code {env['codes']}{f': {named[1]}' if named else ''}"
    caption = f'<p class="file"><code>{escape(named[1])}</code></p>' if named else ""
    return (
        f'{caption}<div class="code" role="region" tabindex="0" aria-label="{escape(label)}">'
        f"<pre><code>{coloured(tokens[index].content, language)}</code></pre></div>\n"
    )


def _table_open(
    _: RendererHTML, _tokens: Sequence[Token], _index: int, _options: OptionsDict, env: dict[str, Any]
) -> str:
    env["tables"] += 1
    return f'<div class="table" role="region" tabindex="0" aria-label="Table {env["tables"]}"><table>\n'


def _table_close(
    _: RendererHTML, _tokens: Sequence[Token], _index: int, _options: OptionsDict, _env: dict[str, Any]
) -> str:
    return "</table></div>\n"


def _markdown() -> MarkdownIt:
    """Return the parser for CommonMark with tables; raw HTML stays text."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    for name, rule in (("fence", _code), ("table_open", _table_open), ("table_close", _table_close)):
        reader.add_render_rule(name, rule)
    return reader


_MARKDOWN: Final = _markdown()
