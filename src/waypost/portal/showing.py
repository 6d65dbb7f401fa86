"""How bodies, code and deliveries are shown: parsed, indented, highlighted, and never as anything but text."""

import json
from functools import lru_cache
from typing import Final

import msgspec
from markupsafe import Markup, escape

from waypost.actions.attempts import Attempt
from waypost.actions.deliveries import DeliveryWithAttempts
from waypost.domain.attempts import Outcome
from waypost.domain.endpoints import Version
from waypost.domain.statuses import Status
from waypost.payloads import render, sign_inside
from waypost.payloads.samples import sample_state
from waypost.portal.highlighting import coloured
from waypost.portal.remedies import redirect_target, remedy
from waypost.portal.snippets import LANGUAGES, Language, Way, snippet

LONGEST_SHOWN: Final = 30_000
LONGEST_ANSWER: Final = 4_000
"""An answer is the receiver's: colours make each of its characters cost up to thirty."""

_SIGNED_AT: Final = 1_772_629_200
_NO_SIGNATURE: Final = "0" * 64


class ShownText(msgspec.Struct, frozen=True):
    """A text as HTML; ``cut`` says that only its beginning is shown."""

    html: Markup
    cut: bool = False


class ShownAttempt(msgspec.Struct, frozen=True):
    """An attempt, and what to do about it when it failed; ``in_full`` with its bodies, ready to be shown."""

    attempt: Attempt
    in_full: bool
    request_body: ShownText | None
    response_body: ShownText | None
    remedy: str | None


class ShownDelivery(msgspec.Struct, frozen=True):
    """A delivery with its attempts, newest first."""

    delivery: DeliveryWithAttempts
    attempts: list[ShownAttempt]


class ShownSnippet(msgspec.Struct, frozen=True):
    """A snippet and where it stands among the others."""

    language: Language
    way: Way
    ways: tuple[Way, ...]
    text: ShownText


def delivery(shown: DeliveryWithAttempts, number: str | None = None) -> ShownDelivery:
    """Give a delivery ready to be shown, in full the attempt with this number or else the newest: all would be much."""
    numbers = [str(attempt.number) for attempt in shown.attempts]
    chosen = number if number in numbers else next(reversed(numbers), None)
    return ShownDelivery(
        shown, [_attempt(attempt, in_full=str(attempt.number) == chosen) for attempt in reversed(shown.attempts)]
    )


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
    """Show a body: JSON indented and highlighted, anything else as it came."""
    try:
        pretty = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        pretty.encode()  # a lone surrogate, which JSON can spell and no page can hold
    except (ValueError, RecursionError):
        return ShownText(escape(text[:longest]), cut=len(text) > longest)
    return ShownText(coloured(pretty[:longest], "json"), cut=len(pretty) > longest)


def marked(text: str) -> Markup:
    """Show a sentence in which what stands between backticks is code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


@lru_cache
def sample(version: Version, status: Status) -> ShownText:
    """Show the sample of a status in a version."""
    return body(sample_body(version, status))


def sample_body(version: Version, status: Status) -> str:
    """Give the body of a status's sample, with a signature of zeros where the version has it inside."""
    return sign_inside(version, render(version, sample_state(status)), _SIGNED_AT, _NO_SIGNATURE).decode()


def snippet_of(language: str | None, way: str | None, version: Version) -> ShownSnippet:
    """Show a snippet for a version: by Standard Webhooks, or in the version's own way; else in Python."""
    chosen = next((one for one in LANGUAGES if one.key == language), LANGUAGES[0])
    ways = (Way.STANDARD, Way(version.lower()))
    wanted = next((one for one in ways if one == way), Way.STANDARD)
    return ShownSnippet(chosen, wanted, ways, ShownText(_snippet(chosen, wanted)))


@lru_cache
def _snippet(language: Language, way: Way) -> Markup:
    return coloured(snippet(language.key, way), language.lexer)
