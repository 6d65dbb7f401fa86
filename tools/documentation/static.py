"""The documentation as static pages in ``build/docs``: the renderer and the style sheet of ``/help``, no server."""

import posixpath
import shutil
from pathlib import Path
from typing import Final

from waypost.portal.help import documentation
from waypost.portal.help.documentation import CHAPTERS, PLACES
from waypost.portal.rendering import STATIC, plain_environment

FOLDER: Final = Path(__file__).resolve().parents[2] / "build" / "docs"
_INDEX: Final = "index.html"
_LETTERS: Final = "letters.html"
_STYLE: Final = "waypost.css"


def build(folder: Path = FOLDER) -> int:
    """Write all pages and return their number."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in rendered().items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for name in (_STYLE, "favicon.svg"):
        (folder / name).write_bytes((STATIC / name).read_bytes())
    pictures = Path(str(documentation.folder())) / "webhooks" / "images"
    shutil.copytree(pictures, folder / "webhooks" / "images")
    return len(PLACES) + 2


def rendered() -> dict[str, str]:
    """Return the text of each page, by its file; links are relative, and those to a server's pages are removed."""
    environment = plain_environment()
    page = environment.get_template("static_page.html")
    shared = {"chapters": CHAPTERS, "title_of": documentation.title}
    top = lead_from("")
    at_the_top = {**shared, "lead": top, "up": ""}
    texts = {
        _INDEX: environment.get_template("static_index.html").render(at_the_top),
        _LETTERS: environment.get_template("static_letters.html").render(at_the_top, letters=documentation.index(top)),
    }
    for place in PLACES:
        lead = lead_from(place.folder)
        guide, following = documentation.read(place, lead), documentation.following(place)
        texts[f"{place.folder}/{place.name}.html"] = page.render(
            shared, guide=guide, following=following, lead=lead, up="../"
        )
    return texts


def lead_from(within: str) -> documentation.Lead:
    """Return the function that resolves links of pages in a folder."""

    def lead(target: str) -> str | None:
        if target.startswith("/"):
            return None
        file, mark, anchor = target.partition("#")
        if file.endswith(".md"):
            file = f"{file.removesuffix('.md')}.html"
        return posixpath.relpath(file, within or ".") + mark + anchor

    return lead
