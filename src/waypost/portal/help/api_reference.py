"""``/docs``: the API reference, generated from the OpenAPI document and public like it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from markupsafe import Markup

from waypost.actions.refusals import NotFound
from waypost.api.openapi.document import make_document
from waypost.portal import showing
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.showing import ShownText, marked
from waypost.portal.visits import enter_if_signed_in

DOCS: Final = "/docs"
_WORDS: Final = {
    "string": "text",
    "null": "null",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}
_DEEPEST: Final = 4


class DescribedField(msgspec.Struct, frozen=True):
    """A parameter or body field: its place, type and description."""

    name: str
    place: str
    kind: str
    about: Markup
    required: bool


class DescribedAnswer(msgspec.Struct, frozen=True):
    """A response in the API reference: its status and description."""

    status: str
    about: Markup


class ShownOperation(msgspec.Struct, frozen=True):
    """One operation. ``answer`` is its example response; None if it has none, or if ``same_as`` has the same one."""

    anchor: str
    method: str
    path: str
    summary: Markup
    about: Markup
    fields: tuple[DescribedField, ...]
    body: ShownText | None
    answers: tuple[DescribedAnswer, ...]
    answer: ShownText | None
    same_as: str | None


class OperationGroup(msgspec.Struct, frozen=True):
    """Related operations, shown on one page of the API reference."""

    name: str
    title: str
    operations: tuple[ShownOperation, ...]


@get(DOCS)
async def overview(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the page of the API reference with all operations."""
    return page(request, "api_reference.html", await enter_if_signed_in(request, pages), groups=groups(), wide=True)


@get(f"{DOCS}/{{name:str}}")
async def show_group(request: PageRequest, pages: GivenPages, name: FromPath[str]) -> Response[bytes]:
    """Show the page of the API reference with the operations of a group."""
    visitor = await enter_if_signed_in(request, pages)
    group = next((one for one in groups() if one.name == name), None)
    if group is None:
        raise NotFound
    return page(request, "api_group.html", visitor, group=group, groups=groups(), wide=True)


@cache
def groups() -> tuple[OperationGroup, ...]:
    """Return the operations of the document by group."""
    document = json.loads(json.dumps(make_document()))
    schemas = document["components"]["schemas"]
    found = []
    for tag in document["tags"]:
        shown: dict[str, str] = {}
        operations = tuple(
            _operation(method, path, one, schemas, shown)
            for path, methods in document["paths"].items()
            for method, one in methods.items()
            if one["tags"] == [tag["name"]]
        )
        found.append(OperationGroup(_name(tag["name"]), tag["name"], operations))
    return tuple(found)


def _operation(
    method: str, path: str, one: dict[str, Any], schemas: dict[str, Any], shown: dict[str, str]
) -> ShownOperation:
    """Return an operation for display. An example already in ``shown`` is replaced by its operation's anchor."""
    content = one.get("requestBody", {}).get("content", {}).get("application/json")
    example = _example(one)
    anchor = _name(one["operationId"].rpartition(".")[2])
    key = json.dumps(example)
    same_as = shown.get(key) if example is not None else None
    shown.setdefault(key, anchor)
    fields = [*_parameters(one["parameters"]), *(() if content is None else _fields(content["schema"], schemas, "", 0))]
    return ShownOperation(
        anchor=anchor,
        method=method.upper(),
        path=path,
        summary=marked(one["summary"]),
        about=marked(one.get("description", "")),
        fields=tuple(fields),
        body=None if content is None else showing.body(json.dumps(content["example"])),
        answers=tuple(
            DescribedAnswer(status, marked(given["description"])) for status, given in one["responses"].items()
        ),
        answer=showing.body(key) if example is not None and same_as is None else None,
        same_as=same_as,
    )


def _example(one: dict[str, Any]) -> Any:
    contents = (content for given in one["responses"].values() for content in given.get("content", {}).values())
    return next((content["example"] for content in contents if "example" in content), None)


def _parameters(parameters: list[dict[str, Any]]) -> Iterator[DescribedField]:
    for given in parameters:
        required = given.get("required", False)
        yield DescribedField(given["name"], given["in"], _kind(given["schema"]), marked(given["description"]), required)


def _fields(schema: dict[str, Any], schemas: dict[str, Any], path: str, depth: int) -> Iterator[DescribedField]:
    """Yield the fields of a body, nested ones after their parent."""
    known = _resolved(schema, schemas)
    if "items" in known:
        yield from _fields(known["items"], schemas, f"{path}[].", depth)
        return
    for name, given in known.get("properties", {}).items():
        inner = _resolved(given, schemas)
        yield DescribedField(
            *(f"{path}{name}", "body", _kind(inner), marked(inner.get("description", ""))),
            name in known.get("required", ()),
        )
        if depth < _DEEPEST:
            yield from _fields(inner, schemas, f"{path}{name}" + ("" if "items" in inner else "."), depth + 1)


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    known: dict[str, Any] = schemas[reference.rsplit("/", 1)[1]] if reference else schema
    return known


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return "list"
    return _WORDS.get(str(schema.get("type")), "object" if "properties" in schema or "$ref" in schema else "any")


def _name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


ROUTES: Final = (overview, show_group)
