"""The guides say what is so: where they lead is there, their code works, their numbers are the code's."""

import binascii
import re
import time
from collections.abc import Callable, Iterator
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, Final

import pytest
from litestar.handlers import HTTPRouteHandler
from markdown_it import MarkdownIt
from markdown_it.token import Token

from waypost.api import operations, schemas
from waypost.api.v1 import deliveries, endpoints, outgoing_ips, updates
from waypost.api.v4 import trackings
from waypost.domain.attempts import Outcome
from waypost.domain.endpoints import Version
from waypost.domain.retry import JITTER, Policy, RetryIn, decide
from waypost.domain.statuses import Status
from waypost.payloads import render
from waypost.payloads.samples import sample_state
from waypost.portal import application
from waypost.portal.guides import GUIDES, guide
from waypost.settings import Settings, variable
from waypost.signing.rotation import Headers, Secrets, standard_headers
from waypost.signing.standard import make_secret, standard_secret

FOLDER: Final = Path(__file__).parents[2] / "docs" / "webhooks"
PICTURES: Final = frozenset(
    {
        *("webhooks-empty", "add", "webhook", "update", "test", "test-result", "disable", "delete", "rotate"),
        *("history", "delivery", "specifications", "outgoing-ips", "debugger"),
    }
)
HANDLERS: Final = (
    *(*application.ROUTES, *operations.ROUTES, *schemas.ROUTES, *updates.ROUTES, *endpoints.ROUTES),
    *(*deliveries.ROUTES, *outgoing_ips.ROUTES, *trackings.ROUTES),
)
NAMES: Final = tuple(name for name, _ in GUIDES)
POLICY: Final = Policy()
WEBHOOK_ID: Final = "evt_019ca8695000700080000000000000ff"
SECRET: Final = make_secret(bytes(range(32)))
BROUGHT: Final = "2e55b9a3-4dd1-4416-9897-c4bd1e3d738f"
BODY: Final = render(Version.V4, sample_state(Status.DELIVERED))

every_guide = pytest.mark.parametrize("name", NAMES)
Verify = Callable[[bytes, dict[str, str], str], None]


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def tokens(name: str) -> list[Token]:
    """Give a guide's blocks, and what stands in them, in their order."""
    blocks = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text_of(name))
    return list(chain.from_iterable((block, *(block.children or ())) for block in blocks))


def links(name: str) -> list[str]:
    return [str(token.attrs["href"]) for token in tokens(name) if token.type == "link_open"]


def rows(name: str) -> Iterator[list[str]]:
    """Give the rows of a guide's tables, without their heads."""
    body = re.findall(r"^\| --- .*\n((?:\|.*\n)+)", text_of(name), flags=re.MULTILINE)
    for line in "".join(body).splitlines():
        yield [cell.strip() for cell in line.strip("|").split("|")]


def python_blocks(name: str) -> list[str]:
    return [token.content for token in tokens(name) if token.type == "fence" and token.info == "python"]


def open_paths() -> set[str]:
    """Give the paths that a browser can ask for as they stand."""
    handlers = [handler for handler in HANDLERS if isinstance(handler, HTTPRouteHandler)]
    assert len(handlers) == len(HANDLERS)
    return {path for one in handlers if "GET" in one.http_methods for path in one.paths if "{" not in path}


def test_there_is_a_file_for_each_guide_and_no_other() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.md")) == sorted(NAMES)


@every_guide
def test_a_guide_has_one_first_heading_which_is_its_title(name: str) -> None:
    blocks = tokens(name)

    heads = [place for place, token in enumerate(blocks) if (token.type, token.tag) == ("heading_open", "h1")]
    titles = [blocks[place + 1].content for place in heads]

    assert titles == [dict(GUIDES)[name]]
    assert text_of(name).startswith(f"# {titles[0]}\n")


@every_guide
def test_a_guide_holds_no_raw_html(name: str) -> None:
    assert [token.content for token in tokens(name) if token.type.startswith("html_")] == []


@every_guide
def test_a_link_to_another_guide_leads_to_a_file(name: str) -> None:
    relative = [link for link in links(name) if not link.startswith("/")]

    assert [link for link in relative if not (FOLDER / link).is_file()] == []


@every_guide
def test_a_link_to_the_server_leads_to_a_page_or_call_that_is_there(name: str) -> None:
    absolute = [link for link in links(name) if link.startswith("/")]

    assert [link for link in absolute if link not in open_paths()] == []


@every_guide
def test_a_guide_as_a_page_leads_to_pages(name: str) -> None:
    shown = set(re.findall(r'href="([^"]+)"', guide(name).html))

    assert shown - open_paths() <= {f"/help/webhooks/{other}" for other in NAMES}


@every_guide
def test_a_picture_is_one_that_is_made_and_says_what_is_seen(name: str) -> None:
    pictures = [token for token in tokens(name) if token.type == "image"]

    assert {str(picture.attrs["src"]) for picture in pictures} <= {f"images/{known}.png" for known in PICTURES}
    assert [picture.attrs["src"] for picture in pictures if not picture.content.strip()] == []


@every_guide
def test_a_setting_that_a_guide_names_is_one(name: str) -> None:
    named = set(re.findall(r"WAYPOST_[A-Z0-9_]+", text_of(name)))

    assert named <= {variable(setting) for setting in Settings.model_fields}


@every_guide
def test_a_call_that_a_guide_names_is_there(name: str) -> None:
    named = set(re.findall(r"`([A-Z]+) (/v[0-9]/[^`]*)`", text_of(name)))

    assert named <= {(str(method), path) for one in HANDLERS for method in one.http_methods for path in one.paths}


@every_guide
def test_python_in_a_guide_compiles(name: str) -> None:
    for block in python_blocks(name):
        compile(block, f"{name}.md", "exec")


def span(seconds: int) -> str:
    """Write seconds as the table does: ``1 d 10 h 8 min``."""
    parts = []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        parts += [f"{count} {unit}"] if count else []
    return " ".join(parts)


def waits(*, jitter: float) -> list[float]:
    decisions = [
        decide(POLICY, attempt=attempt, outcome=Outcome.HTTP_5XX, jitter=jitter)
        for attempt in range(1, POLICY.limit + 1)
    ]
    return [decision.seconds for decision in decisions if isinstance(decision, RetryIn)]


def test_the_table_of_retries_is_the_schedule() -> None:
    seconds = [round(wait) for wait in waits(jitter=0)]

    shown = [row for row in rows("retry") if row[0].isdecimal() and len(row) == 5]

    assert shown == [
        [str(retry), str(retry + 1), f"{wait:,}", span(wait), span(total)]
        for retry, (wait, total) in enumerate(zip(seconds, accumulate(seconds), strict=True), start=1)
    ]
    assert len(shown) == POLICY.limit == 14


def test_the_times_of_the_last_retry_are_those_of_the_schedule() -> None:
    said = " ".join(text_of("retry").split())

    assert f"after {span(round(sum(waits(jitter=0))))} at the earliest" in said
    assert f"at its longest after {span(round(sum(waits(jitter=1))))}." in said
    assert f"up to {JITTER:.0%}".replace("%", " %") in said


@pytest.fixture(scope="module")
def verify() -> Verify:
    """Give the function that the guide on signatures shows."""
    [block] = python_blocks("secure")
    shown: dict[str, Any] = {}
    exec(compile(block, "secure.md", "exec"), shown)  # noqa: S102 - our own text, and to run it is the test
    found: Verify = shown["verify"]
    return found


def signed(secrets: Secrets, *, age: int = 0, body: bytes = BODY) -> dict[str, str]:
    lines: Headers = standard_headers(secrets, WEBHOOK_ID, int(time.time()) - age, body)
    return dict(lines)


def test_the_code_that_verifies_is_short_enough_to_copy() -> None:
    [block] = python_blocks("secure")

    assert len(block.splitlines()) <= 25


@pytest.mark.parametrize("secret", [SECRET, BROUGHT, standard_secret(BROUGHT)])
def test_the_code_takes_what_waypost_signs_with_a_secret_in_either_form(verify: Verify, secret: str) -> None:
    verify(BODY, signed(Secrets(BROUGHT if secret != SECRET else SECRET)), secret)


@pytest.mark.parametrize("secret", [SECRET, BROUGHT])
def test_the_code_takes_both_secrets_during_an_overlap(verify: Verify, secret: str) -> None:
    verify(BODY, signed(Secrets(SECRET, BROUGHT, int(time.time()) + 3600)), secret)


def test_the_code_refuses_a_changed_body(verify: Verify) -> None:
    with pytest.raises(ValueError, match="No signature fits"):
        verify(BODY.replace(b"delivered", b"exception"), signed(Secrets(SECRET)), SECRET)


@pytest.mark.parametrize("body", [BODY + b"\n", b""])
def test_the_code_refuses_other_bytes(verify: Verify, body: bytes) -> None:
    with pytest.raises(ValueError, match="No signature fits"):
        verify(body, signed(Secrets(SECRET)), SECRET)


def test_the_code_refuses_another_secret(verify: Verify) -> None:
    with pytest.raises(ValueError, match="No signature fits"):
        verify(BODY, signed(Secrets(SECRET)), BROUGHT)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_bm8=", "fifteen letters"])
def test_the_code_refuses_a_secret_that_is_too_short(verify: Verify, secret: str) -> None:
    with pytest.raises(ValueError, match="too short"):
        verify(BODY, signed(Secrets(SECRET)), secret)


def test_the_code_refuses_a_secret_that_was_copied_wrongly(verify: Verify) -> None:
    with pytest.raises(binascii.Error):
        verify(BODY, signed(Secrets(SECRET)), f"{SECRET}.")


@pytest.mark.parametrize("age", [330, -330])
def test_the_code_refuses_a_time_too_far_from_now_either_way(verify: Verify, age: int) -> None:
    with pytest.raises(ValueError, match="five minutes"):
        verify(BODY, signed(Secrets(SECRET), age=age), SECRET)


@pytest.mark.parametrize("age", [240, -240])
def test_the_code_takes_a_time_within_five_minutes(verify: Verify, age: int) -> None:
    verify(BODY, signed(Secrets(SECRET), age=age), SECRET)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("webhook-id", "is missing"),
        ("webhook-timestamp", "is missing"),
        ("webhook-signature", "No signature fits"),
    ],
)
def test_the_code_refuses_a_webhook_without_one_of_its_headers(verify: Verify, missing: str, reason: str) -> None:
    headers = signed(Secrets(SECRET))
    del headers[missing]

    with pytest.raises(ValueError, match=reason):
        verify(BODY, headers, SECRET)


def test_the_code_refuses_another_id(verify: Verify) -> None:
    with pytest.raises(ValueError, match="No signature fits"):
        verify(BODY, {**signed(Secrets(SECRET)), "webhook-id": "evt_other"}, SECRET)
