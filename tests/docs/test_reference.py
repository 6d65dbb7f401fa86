"""The generated reference is up to date and complete."""

import json
import re
from collections.abc import Callable

import jsonschema
import pytest

from tests.support.documentation import ROOT, calls, code_blocks, text_of
from tools.documentation import static
from tools.documentation.codes import EXPLAINED, v1_codes, v4_codes
from tools.documentation.commands import commands
from tools.documentation.logs import logged_events, unexplained
from tools.documentation.metrics import metrics
from tools.documentation.reference import made_pages
from tools.documentation.settings import settings
from waypost.actions.denials import Denial
from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Reason, Settled, Waiting
from waypost.domain.endpoints import Skip
from waypost.domain.statuses import SUBSTATUSES, Status
from waypost.payloads import schemas
from waypost.portal.help.documentation import PLACES
from waypost.settings import Settings, variable
from waypost.store.reconciliation import FAULTS

NAMES: dict[str, Callable[[], set[str]]] = {
    "reference/settings.md": lambda: {variable(name) for name in Settings.model_fields},
    "reference/statuses.md": lambda: {*Status, *SUBSTATUSES},
    "reference/deliveries.md": lambda: {*Waiting, *Settled, *Reason, *Skip, *Outcome},
    "reference/calls.md": lambda: {
        call.path for call in calls() if call.path.startswith(("/v1/", "/v4/", "/schemas/"))
    },
    "reference/errors.md": lambda: {*(one.code for one in v1_codes()), *(str(one.code) for one in v4_codes())},
    "reference/metrics.md": lambda: {*(one.name for one in metrics()), *FAULTS},
    "reference/logs.md": lambda: {*(one.event for one in logged_events()), *Denial},
    "reference/command-line.md": lambda: {
        *(f"waypost {command.name}" for command in commands()),
        *(option.name for command in commands() for option in command.options),
    },
}
"""What a page has to name. It is looked up in the tests: every process of a run imports this module."""


def test_generated_pages_are_up_to_date() -> None:
    stale = [file for file, text in made_pages().items() if text_of(file) != text]

    assert stale == [], "run `make docs` and commit what it writes"


@pytest.mark.parametrize("file", NAMES)
def test_the_reference_lists_everything_that_exists(file: str) -> None:
    text = re.sub(r"/\{[^}]*\}", "/{id}", text_of(file))

    assert {name for name in NAMES[file]() if name not in text} == set()


def test_codes_are_found_in_the_code() -> None:
    """A search for codes that depends on the code's style could find nothing."""
    assert {"unauthorized", "invalid_request", "not_found", "overloaded"} <= {one.code for one in v1_codes()}
    assert {4101, 4110, 4111, 4120} <= {one.code for one in v4_codes()}


def test_no_explained_code_is_missing() -> None:
    assert {one.code for one in v1_codes()} >= EXPLAINED


def test_every_setting_documents_its_effect_and_values() -> None:
    assert [one.name for one in settings() if not (one.about and one.kind)] == []


@pytest.mark.parametrize("version", ["V2", "V3", "V4"])
def test_samples_match_their_schemas(version: str) -> None:
    [sample] = code_blocks(f"reference/payload-{version.lower()}.md", "json")

    jsonschema.validate(json.loads(sample), json.loads(schemas.load(version)))


def test_static_pages_link_only_to_each_other() -> None:
    pages = static.rendered()
    beside = {"waypost.css", "favicon.svg"}

    assert set(pages) == {"index.html", "letters.html", *(place.file.replace(".md", ".html") for place in PLACES)}
    for name, text in pages.items():
        here = ROOT / "build" / "docs" / name
        for target in re.findall(r'(?:href|src)="([^"]+)"', text):
            file, _, anchor = target.partition("#")
            found = (here.parent / file).resolve().relative_to(ROOT / "build" / "docs") if file else name
            if str(found).endswith(".png"):
                assert (ROOT / "docs" / found).is_file(), (name, target)
            elif str(found) not in beside:
                assert not anchor or f'id="{anchor}"' in pages[str(found)], (name, target)


def test_every_log_event_is_explained() -> None:
    assert unexplained() == set()
