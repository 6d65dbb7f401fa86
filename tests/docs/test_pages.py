"""Every page of the documentation is valid Markdown, its links and anchors resolve, and the names in it exist."""

import posixpath
import re

import pytest

from tests.support.documentation import FILES, FOLDER, Call, calls, links, open_paths, text_of, tokens
from tools.documentation.commands import commands
from tools.screenshots import IN_GUIDES
from waypost.portal.help.documentation import PLACES, GuidePlace, following, index, title
from waypost.portal.help.guides import address, guide
from waypost.settings import Settings, variable

every_file = pytest.mark.parametrize("file", FILES)
every_place = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.file)


def anchors(file: str) -> set[str]:
    folder, _, name = file.removesuffix(".md").partition("/")
    return {heading.anchor for heading in guide(GuidePlace(folder, name)).headings}


def test_the_chapters_list_exactly_the_existing_files() -> None:
    assert sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.md")) == sorted(FILES)


def test_each_page_except_the_last_links_to_the_next() -> None:
    walk = [PLACES[0]]
    while after := following(walk[-1]):
        walk.append(after)

    assert tuple(walk) == PLACES


@every_place
def test_a_page_has_exactly_one_first_level_heading(place: GuidePlace) -> None:
    blocks = tokens(place.file)

    heads = [at for at, token in enumerate(blocks) if (token.type, token.tag) == ("heading_open", "h1")]

    assert [blocks[at + 1].content for at in heads] == [title(place)]
    assert text_of(place.file).startswith(f"# {title(place)}\n")


@every_file
def test_pages_contain_no_raw_html(file: str) -> None:
    assert [token.content for token in tokens(file) if token.type.startswith("html_")] == []


@every_file
def test_links_to_other_pages_resolve_to_their_headings(file: str) -> None:
    lost = []
    for link in links(file):
        if link.startswith(("/", "http://", "https://")):
            continue
        target, _, anchor = link.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), target)) if target else file
        if target not in FILES or (anchor and anchor not in anchors(target)):
            lost.append(link)

    assert lost == []


@every_file
def test_links_to_the_server_resolve_to_pages_or_calls(file: str) -> None:
    absolute = [link for link in links(file) if link.startswith("/")]

    assert [link for link in absolute if link not in open_paths()] == []


@every_place
def test_rendered_pages_link_to_existing_pages(place: GuidePlace) -> None:
    shown = {href.partition("#")[0] for href in re.findall(r'href="([^"]+)"', guide(place).html)}

    inside = {href for href in shown if not href.startswith(("http://", "https://"))} - {""}
    assert inside - open_paths() <= {f"/help/{other.folder}/{other.name}" for other in PLACES}


@every_file
def test_pictures_are_generated_and_have_alternative_texts(file: str) -> None:
    pictures = [token for token in tokens(file) if token.type == "image"]

    assert {str(picture.attrs["src"]) for picture in pictures} <= {f"images/{known}.png" for known in IN_GUIDES}
    assert [picture.attrs["src"] for picture in pictures if not picture.content.strip()] == []


@every_file
def test_variables_named_on_pages_exist(file: str) -> None:
    named = set(re.findall(r"WAYPOST_[A-Z0-9_]+", text_of(file)))

    of_options = {name for command in commands() for option in command.options for name in option.variables}
    assert named <= {variable(setting) for setting in Settings.model_fields} | of_options


@every_file
def test_calls_named_on_pages_exist(file: str) -> None:
    named = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/v[0-9]/[^`?]*)[^`]*`", text_of(file))

    assert {Call(method, re.sub(r"\{[^}]*\}", "{id}", path)) for method, path in named} <= calls()


def test_the_index_has_every_title_and_heading_under_its_letter() -> None:
    letters = dict(index(address))

    listed = [(entry.text, entry.address) for entries in letters.values() for entry in entries]
    assert len(listed) == len(set(listed)) == sum(1 + len(guide(place).headings) for place in PLACES)
    assert ("WAYPOST_HOST", "/help/reference/settings#waypost_host") in [
        (entry.text, entry.address) for entry in letters["H"]
    ]
    assert list(letters) == sorted(letters)


@every_place
def test_no_column_heading_is_empty(place: GuidePlace) -> None:
    assert not re.search(r"<th[^>]*></th>", guide(place).html)


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_pages_outside_the_documentation_link_to_existing_files(name: str) -> None:
    text = (FOLDER.parent / name).read_text(encoding="utf-8")

    leading = re.findall(r"\]\(([^)#]+)\)", text)
    assert [link for link in leading if not (FOLDER.parent / link).exists()] == []


def test_the_readme_is_short() -> None:
    assert len((FOLDER.parent / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
