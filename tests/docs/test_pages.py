"""Every page of the documentation: its links and anchors lead somewhere, what it names is there, it is Markdown."""

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


def test_there_is_a_file_for_each_page_and_no_other() -> None:
    assert sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.md")) == sorted(FILES)


def test_each_page_but_the_last_leads_to_the_next() -> None:
    walk = [PLACES[0]]
    while after := following(walk[-1]):
        walk.append(after)

    assert tuple(walk) == PLACES


@every_place
def test_a_page_has_one_first_heading_which_is_its_title(place: GuidePlace) -> None:
    blocks = tokens(place.file)

    heads = [at for at, token in enumerate(blocks) if (token.type, token.tag) == ("heading_open", "h1")]

    assert [blocks[at + 1].content for at in heads] == [title(place)]
    assert text_of(place.file).startswith(f"# {title(place)}\n")


@every_file
def test_a_page_holds_no_raw_html(file: str) -> None:
    assert [token.content for token in tokens(file) if token.type.startswith("html_")] == []


@every_file
def test_a_link_to_another_page_leads_to_a_heading_of_it(file: str) -> None:
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
def test_a_link_to_the_server_leads_to_a_page_or_call_that_is_there(file: str) -> None:
    absolute = [link for link in links(file) if link.startswith("/")]

    assert [link for link in absolute if link not in open_paths()] == []


@every_place
def test_a_page_as_it_is_shown_leads_to_pages(place: GuidePlace) -> None:
    shown = {href.partition("#")[0] for href in re.findall(r'href="([^"]+)"', guide(place).html)}

    inside = {href for href in shown if not href.startswith(("http://", "https://"))} - {""}
    assert inside - open_paths() <= {f"/help/{other.folder}/{other.name}" for other in PLACES}


@every_file
def test_a_picture_is_one_that_is_made_and_says_what_is_seen(file: str) -> None:
    pictures = [token for token in tokens(file) if token.type == "image"]

    assert {str(picture.attrs["src"]) for picture in pictures} <= {f"images/{known}.png" for known in IN_GUIDES}
    assert [picture.attrs["src"] for picture in pictures if not picture.content.strip()] == []


@every_file
def test_a_variable_that_a_page_names_is_one(file: str) -> None:
    named = set(re.findall(r"WAYPOST_[A-Z0-9_]+", text_of(file)))

    of_options = {name for command in commands() for option in command.options for name in option.variables}
    assert named <= {variable(setting) for setting in Settings.model_fields} | of_options


@every_file
def test_a_call_that_a_page_names_is_there(file: str) -> None:
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
def test_no_heading_of_a_column_is_empty(place: GuidePlace) -> None:
    assert not re.search(r"<th[^>]*></th>", guide(place).html)


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_a_page_beside_the_documentation_leads_to_files(name: str) -> None:
    text = (FOLDER.parent / name).read_text(encoding="utf-8")

    leading = re.findall(r"\]\(([^)#]+)\)", text)
    assert [link for link in leading if not (FOLDER.parent / link).exists()] == []


def test_the_readme_is_short() -> None:
    assert len((FOLDER.parent / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
