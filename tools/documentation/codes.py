"""The codes of errors, read from the code that sends them."""

import ast
import sys
from collections.abc import Iterator
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Final

import msgspec

from waypost import actions, api
from waypost.actions.refusals import Conflict
from waypost.api.v4 import envelope
from waypost.api.v4.refusals import CONFLICTS

_ONLY_PAGES: Final = frozenset({"waypost.actions.api_keys", "waypost.actions.users"})
"""Actions of pages and commands only, whose codes no call returns."""

_OF_BOTH: Final = frozenset({"quota_reached"})
"""Conflicts of both APIs; the others that TrackingMore has codes for are v4's only."""

_SAYS: Final = {
    "bulk_action_running": "Deliveries are being resent or cancelled on the pages: wait, or stop that first.",
    "filter_too_long": "The filter of the webhook history is too long to resend or cancel what matches it.",
    "still_counting": "The deliveries to resend or cancel are still being counted.",
    "delivery_blocked": "An earlier delivery of the parcel is sent first, so this one can't be sent now.",
    "in_flight": "The delivery is being sent at this moment.",
    "already_finished": "The recovery has ended, so there is nothing to stop.",
    "already_settled": "The delivery has ended, so there is nothing to cancel.",
    "archived": "The parcel is archived, so it is not polled.",
    "endpoint_deleted": "The delivery's endpoint was deleted, so it can't be resent.",
    "endpoint_exists": "Another endpoint has the same URL and version, and statuses in common; see `allow_duplicate`.",
    "endpoint_limit": "The account has reached its endpoint limit (`WAYPOST_MAX_ENDPOINTS`): delete one first.",
    "endpoint_off": "The endpoint is disabled: enable it first.",
    "event_gone": "The event is older than the retained history.",
    "forbidden": "The key is valid, but lacks the permission that this call needs.",
    "idempotency_conflict": "The `Idempotency-Key` was used with a different body in the last 24 hours.",
    "internal": "An internal error; the server's log has the details.",
    "invalid_request": "A field is not valid: `errors` lists the fields.",
    "malformed_json": "The body is not valid JSON in UTF-8.",
    "malformed_request": "The request can't be parsed.",
    "method_not_allowed": "The path does not support this method; see the `Allow` header.",
    "no_source": "No source is connected for the parcel's courier.",
    "not_found": "It does not exist, or belongs to another account.",
    "overloaded": "The server is overloaded and accepted nothing: try again after `Retry-After`.",
    "quota_reached": "The account has used its quota of parcels, updates a day or disk.",
    "recovery_running": "The endpoint already has a running recovery or dry run: wait for it to end, or stop it.",
    "still_running": "The first request with this `Idempotency-Key` is still running: try again after `Retry-After`.",
    "test_delivery": "The delivery was a test: send another test instead.",
    "tracking_deleted": "The delivery's parcel was deleted, so nothing more is sent for it.",
    "too_large": "The body is too large.",
    "too_many_requests": "The account exceeds a limit of calls, scans, bytes or waiting calls. Wait for `Retry-After`.",
    "unavailable": "The database is unavailable: try again. It is not known whether anything was changed.",
    "unsupported_encoding": "The request has a `Content-Encoding`: send the body uncompressed.",
    "unauthorized": "The key is missing, unknown, expired or revoked.",
}
EXPLAINED: Final = frozenset(_SAYS)
_SAYS_V4: Final = {
    511: "An internal error; the server's log has the details.",
    4101: "The tracking exists already.",
    4102: "The tracking does not exist, or belongs to another account.",
    4103: "The call has more than 40 trackings.",
    4110: "The tracking number is not valid.",
    4111: "The tracking number is missing.",
    4112: "The id is not valid.",
    4190: "The account has used its quota of parcels or disk.",
    4113: "Only an expired tracking can be retracked.",
    4120: "The courier code is unknown.",
    4121: "No courier uses numbers of this format.",
    4122: "The courier requires another field, or a field is not valid for it.",
    4130: "A field has the wrong format, or is unknown.",
    4160: "The air waybill number is missing or not valid.",
    4161: "No source for this airline is configured.",
}


class Code(msgspec.Struct, frozen=True):
    """A code of v1: the HTTP statuses that it is sent with, and its meaning."""

    code: str
    statuses: tuple[int, ...]
    says: str


class OldCode(msgspec.Struct, frozen=True):
    """A code of v4, TrackingMore's number, and its meaning."""

    code: int
    says: str


def v1_codes() -> tuple[Code, ...]:
    """Return the codes of problems, by name."""
    found: dict[str, set[int]] = {}
    modules = [*walk_packages(api.__path__, "waypost.api."), *walk_packages(actions.__path__, "waypost.actions.")]
    for name in sorted(module.name for module in modules):
        if ".v4" not in name and name not in _ONLY_PAGES:
            for code, status in _raised(name):
                found.setdefault(code, set()).add(status)
    return tuple(
        Code(code, tuple(sorted(statuses)), _SAYS.get(code, _words(code))) for code, statuses in sorted(found.items())
    )


def v4_codes() -> tuple[OldCode, ...]:
    """Return TrackingMore's codes, by number."""
    named = {value: name for name, value in vars(envelope).items() if name.isupper() and isinstance(value, int)}
    return tuple(OldCode(code, _SAYS_V4.get(code, _words(name))) for code, name in sorted(named.items()))


def _words(name: str) -> str:
    """Return a code as a sentence, until somebody writes a better one."""
    return f"{name.replace('_', ' ').capitalize()}."


def _raised(name: str) -> Iterator[tuple[str, int]]:
    """Yield the codes of a module: those of refusals, and those next to an HTTP status in a call or a table.

    Codes that TrackingMore has its own numbers for belong to v4, except those of both APIs.
    """
    module = import_module(name)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        pairs: list[tuple[ast.expr | None, ast.expr]] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == Conflict.__name__:
            text = _text(node.args[0], name)
            if text is not None and text not in CONFLICTS.keys() - _OF_BOTH:
                yield text, HTTPStatus.CONFLICT
        elif isinstance(node, ast.Call) and len(node.args) > 1:
            pairs = [(node.args[0], node.args[1])]
        elif isinstance(node, ast.Tuple) and len(node.elts) > 1:
            pairs = [(node.elts[0], node.elts[1])]
        elif isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values, strict=True))
        elif isinstance(node, ast.Tuple) and len(node.elts) > 1:
            pairs = [(node.elts[0], node.elts[1])]
        for status, code in pairs:
            named = status.attr if isinstance(status, ast.Attribute) else ""
            if named in HTTPStatus.__members__ and (text := _text(code, name)) is not None:
                yield text, HTTPStatus[named]


def _text(node: ast.expr, module: str) -> str | None:
    """Return a text that may be a code: a literal, or the value of a name."""
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(node, ast.Name):
        value = getattr(sys.modules[module], node.id, None)
    return value if isinstance(value, str) and value.isidentifier() and value.islower() else None
