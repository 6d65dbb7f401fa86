"""``/developer/specifications``: the body and headers of a webhook, by version and status."""

import json
from functools import lru_cache
from typing import Any, Final

import msgspec
from litestar import Response, get

from waypost.domain.endpoints import Version
from waypost.domain.statuses import SELECTABLE, SUBSTATUSES, Status
from waypost.payloads import schemas
from waypost.portal import showing
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import enter

SPECIFICATIONS: Final = "/developer/specifications"


class BodyField(msgspec.Struct, frozen=True):
    """A field of a webhook body on the page: its path, its types and its description."""

    path: str
    types: str
    description: str


@get(SPECIFICATIONS)
async def specifications(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the page of webhook specifications: a sample body and its fields."""
    visitor = await enter(request, pages)
    version = _one_of(request.query_params.get("version"), list(Version), Version.V4)
    status = _one_of(request.query_params.get("status"), list(SELECTABLE), Status.DELIVERED)
    return page(
        request,
        "specifications.html",
        visitor,
        version=version,
        chosen_status=status,
        sample=showing.sample(Version(version), Status(status)),
        fields=fields_of(version),
        substatuses={name: text for name, text in SUBSTATUSES.items() if name.rstrip("0123456789") in SELECTABLE},
    )


@lru_cache
def fields_of(version: str) -> tuple[BodyField, ...]:
    """Return the fields of a version's body in order, from its schema."""
    schema = json.loads(schemas.load(version))
    return tuple(_walk(schema, schema, ""))


def _walk(schema: dict[str, Any], part: dict[str, Any], path: str) -> list[BodyField]:
    found: list[BodyField] = []
    for name, given in part.get("properties", {}).items():
        known = _resolved(schema, given)
        here = f"{path}{name}"
        found.append(BodyField(here, _types(known), given.get("description") or known.get("description", "")))
        if known.get("type") == "array":
            found += _walk(schema, _resolved(schema, known["items"]), f"{here}[].")
        elif known.get("type") == "object" and not (name == "destination_info" and "origin_info" in path + here):
            found += _walk(schema, known, f"{here}.")
    return found


def _resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    reference = part.get("$ref")
    return schema["$defs"][reference.rsplit("/", 1)[1]] if reference else part


def _types(part: dict[str, Any]) -> str:
    if "const" in part:
        return json.dumps(part["const"])
    if "enum" in part:
        return "text or null" if None in part["enum"] else "text"
    words = {"string": "text", "null": "null", "integer": "whole number", "array": "list"}
    types = part.get("type", "object")
    return " or ".join(words.get(str(one), str(one)) for one in (types if isinstance(types, list) else [types]))


def _one_of(text: str | None, allowed: list[Any], otherwise: str) -> str:
    return text if text is not None and text in allowed else otherwise


ROUTES: Final = (specifications,)
