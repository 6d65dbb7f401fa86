"""Prepare bodies, code and deliveries for display: parsed, indented, highlighted, and always as text."""

import json
from functools import lru_cache
from typing import Final

import msgspec
from markupsafe import Markup, escape

from waypost.actions.attempts import Attempt
from waypost.actions.deliveries import DeliveryWithAttempts
from waypost.actions.remedies import redirect_target, remedy
from waypost.domain.attempts import Outcome
from waypost.domain.endpoints import Version
from waypost.domain.statuses import Status
from waypost.payloads import render, sign_inside
from waypost.payloads.samples import sample_state
from waypost.portal.highlighting import coloured
from waypost.portal.snippets import LANGUAGES, Language, Way, snippet
from waypost.store.deliveries import DeliveryRow
from waypost.store.states import unpack

LONGEST_SHOWN: Final = 30_000
LONGEST_ANSWER: Final = 4_000
"""Responses are under the receiver's control, and highlighting can turn one character into thirty."""

_SIGNED_AT: Final = 1_772_629_200
_NO_SIGNATURE: Final = "0" * 64


class ShownText(msgspec.Struct, frozen=True):
    """A text as HTML. ``cut`` means that only its beginning is shown."""

    html: Markup
    cut: bool = False


class ShownAttempt(msgspec.Struct, frozen=True):
    """An attempt, with the remedy if it failed and, if ``in_full``, its bodies ready for display."""

    attempt: Attempt
    in_full: bool
    request_body: ShownText | None
    response_body: ShownText | None
    remedy: str | None


class ShownDelivery(msgspec.Struct, frozen=True):
    """A delivery on its page, with its attempts, newest first."""

    delivery: DeliveryWithAttempts
    attempts: list[ShownAttempt]


class ShownSnippet(msgspec.Struct, frozen=True):
    """A snippet, with the language and signature it is for and the other signatures to choose from."""

    language: Language
    way: Way
    ways: tuple[Way, ...]
    text: ShownText


def delivery(shown: DeliveryWithAttempts, number: str | None = None) -> ShownDelivery:
    """Return a delivery ready for display, with only one attempt in full: that with ``number``, or the newest."""
    numbers = [str(attempt.number) for attempt in shown.attempts]
    chosen = number if number in numbers else next(reversed(numbers), None)
    return ShownDelivery(
        shown, [_attempt(attempt, in_full=str(attempt.number) == chosen) for attempt in reversed(shown.attempts)]
    )


def payload(row: DeliveryRow, version: Version) -> ShownText | None:
    """Return the payload of a delivery before its first attempt, without a signature; None if its event is gone."""
    if row.test_body is not None:
        return body(row.test_body.decode())
    if row.packed is None:
        return None if row.sample is None else sample(version, Status(row.sample))
    return body(sign_inside(version, render(version, unpack(row.packed)), _SIGNED_AT, _NO_SIGNATURE).decode())


def _attempt(attempt: Attempt, *, in_full: bool) -> ShownAttempt:
    response = attempt.response.body if in_full and attempt.response else None
    request = attempt.request.body if in_full else None
    return ShownAttempt(
        attempt,
        in_full,
        None if request is None else body(request),
        None if response is None else body(response, longest=LONGEST_ANSWER),
        remedy(Outcome(attempt.outcome), attempt.status_code, _target(attempt), attempt.reason),
    )


def _target(attempt: Attempt) -> str | None:
    headers = attempt.response.headers if attempt.response else []
    location = next((value for name, value in headers if name == "location"), None)
    return redirect_target(attempt.request.url, location)


def body(text: str, *, longest: int = LONGEST_SHOWN) -> ShownText:
    """Return a body for display: JSON indented and highlighted, anything else unchanged."""
    try:
        pretty = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        pretty.encode()  # a lone surrogate, which JSON can express and a page can't
    except (ValueError, RecursionError):
        return ShownText(escape(text[:longest]), cut=len(text) > longest)
    return ShownText(coloured(pretty[:longest], "json"), cut=len(pretty) > longest)


def marked(text: str) -> Markup:
    """Return a sentence as HTML, with the text between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


@lru_cache
def sample(version: Version, status: Status) -> ShownText:
    """Return the sample body of a status and version for display."""
    return body(sample_body(version, status))


def pretty_sample(version: Version, status: Status) -> str:
    """Return the sample of a status as people edit it: indented, without a signature."""
    return json.dumps(json.loads(render(version, sample_state(status))), indent=2, ensure_ascii=False)


def sample_body(version: Version, status: Status) -> str:
    """Return the sample body of a status; a signature inside the body is all zeros."""
    return sign_inside(version, render(version, sample_state(status)), _SIGNED_AT, _NO_SIGNATURE).decode()


def snippet_of(language: str | None, way: str | None, version: Version) -> ShownSnippet:
    """Return a snippet, by default in Python for Standard Webhooks; ``way`` can also be the version's own."""
    chosen = next((one for one in LANGUAGES if one.key == language), LANGUAGES[0])
    ways = (Way.STANDARD, Way(version.lower()))
    wanted = next((one for one in ways if one == way), Way.STANDARD)
    return ShownSnippet(chosen, wanted, ways, ShownText(_snippet(chosen, wanted)))


@lru_cache
def _snippet(language: Language, way: Way) -> Markup:
    return coloured(snippet(language.key, way), language.lexer)
