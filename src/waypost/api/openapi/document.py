"""Makes the OpenAPI document from the operations."""

from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import msgspec
from litestar import Response, get

from waypost.api import operations
from waypost.api import schemas as body_schemas
from waypost.api.openapi.links import links_of
from waypost.api.openapi.operations import Operation
from waypost.api.problems import MEDIA_TYPE, ProblemBody
from waypost.api.responses import answer_bytes
from waypost.api.v1 import (
    alerts,
    connections,
    deliveries,
    endpoints,
    events,
    incidents,
    outgoing_ips,
    recoveries,
    stats,
    updates,
)
from waypost.api.v1 import trackings as v1_trackings
from waypost.api.v4 import awb, couriers, trackings
from waypost.api.v4.envelope import Meta
from waypost.payloads.v4 import SUCCESS

_DESCRIBED: Final = (
    *(trackings, couriers, awb),
    *(updates, v1_trackings, endpoints, stats, deliveries, recoveries, events, outgoing_ips, connections),
    *(incidents, alerts),
    *(body_schemas, operations),
)
OPERATIONS: Final = tuple(operation for module in _DESCRIBED for operation in module.OPERATIONS)

_TEMPLATE: Final = "#/components/schemas/{name}"
_BODY_TEMPLATE: Final = _TEMPLATE + "Body"
"""Bodies have names of their own, because a request and a response may have types of the same name."""

_JSON: Final = "application/json"
_REFUSAL: Final = "Refusal"
_LEFT_OUT: Final = frozenset({"body_base64", "reason"})
"""The optional keys of GivenResponse and Readiness; all other keys of responses are always present."""
_ABOUT: Final = (
    "Version 4 is TrackingMore's: every success is 200, and every response has the envelope of `meta` and `data`."
    " Version 1 is Waypost's own: errors are problems (RFC 9457). Both accept the same keys."
)
_KEYS: Final = {
    "key": {"type": "apiKey", "in": "header", "name": "Tracking-Api-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
_IDS: Final = {
    "tracking_id": "The tracking's id: 32 characters, 0-9 and a-f.",
    "endpoint_id": "The endpoint's id, which begins with ep_.",
    "delivery_id": "The delivery's id, which begins with dlv_.",
    "connection_id": "The connection's id, which begins with con_.",
    "channel_id": "The alert channel's id, which begins with ach_.",
    "recovery_id": "The recovery's id, which begins with rec_.",
}
_KEYLESS: Final = {401: "No API key, or an invalid one.", 403: "The key lacks the permission that this call requires."}
_AWAY: Final = {503: "The database is unavailable; see Retry-After."}
_TOO_MANY: Final = {429: "Rate limit exceeded; see Retry-After."}
_TOO_LARGE: Final = {413: "The body is too large."}
_UNREAD: Final = {400: "The body is not JSON in UTF-8."}
_REFUSED: Final = {422: "A parameter or field is invalid; `errors` names each. Nothing was changed."}
_ABSENT: Final = {404: "It does not exist, or it belongs to another account."}


@get("/openapi.json")
async def openapi() -> Response[bytes]:
    """Return the OpenAPI 3.1 description of every operation. No key is needed."""
    return answer_bytes(_encoded())


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(make_document())


def make_document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    schemas = _Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Waypost", "version": version("waypost"), "description": _ABOUT},
        "tags": [{"name": group} for group in dict.fromkeys(one.group for one in OPERATIONS)],
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": _KEYS},
    }


class _Schemas:
    """The schemas of types, each once. Responses always have exactly the described keys."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}
        answers = [kind for one in OPERATIONS for kind in one.answers.values() if kind not in (None, str)]
        answers += [Meta, ProblemBody]
        bodies = [one.body for one in OPERATIONS if one.body is not None]
        self._answers = self._read(answers, _TEMPLATE)
        self._bodies = self._read(bodies, _BODY_TEMPLATE)
        self.components[_REFUSAL] = _enveloped({"type": "null"})

    def answer(self, kind: Any) -> dict[str, Any]:
        return {"type": "string"} if kind is str else self._answers[kind]

    def body(self, kind: Any) -> dict[str, Any]:
        return self._bodies[kind]

    def _read(self, kinds: list[Any], template: str) -> dict[Any, dict[str, Any]]:
        known = list(dict.fromkeys(kinds))
        found, components = msgspec.json.schema_components(known, ref_template=template)
        name_of = template.removeprefix(_TEMPLATE.format(name=""))
        for name, component in components.items():
            whole = template == _TEMPLATE and "properties" in component
            self.components[name_of.format(name=name)] = _whole(component) if whole else component
        return dict(zip(known, found, strict=True))


def _whole(component: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object in a response, which has all of its keys and no others."""
    properties = {
        name: {key: value for key, value in given.items() if key != "default"}
        for name, given in component["properties"].items()
    }
    return component | {
        "properties": properties,
        "required": [name for name in properties if name not in _LEFT_OUT],
        "additionalProperties": False,
    }


def _operation(one: Operation, schemas: _Schemas) -> dict[str, Any]:
    summary, more = one.about
    described: dict[str, Any] = {
        "operationId": one.id,
        "tags": [one.group],
        "summary": summary,
        "parameters": _parameters(one),
        "responses": _responses(one, schemas),
        "security": [] if one.scope is None else [{"key": []}, {"bearer": []}],
    }
    if more or one.scope is not None:
        scope = "" if one.scope is None else f"Requires the permission `{one.scope}`."
        described["description"] = f"{more} {scope}".strip()
    if one.body is not None:
        content = {"schema": schemas.body(one.body), "example": msgspec.to_builtins(one.body_example)}
        described["requestBody"] = {"required": one.body_required, "content": {_JSON: content}}
    return described


def _parameters(one: Operation) -> list[dict[str, Any]]:
    ids = [
        {"name": name, "in": "path", "required": True, "description": _IDS[name], "schema": {"type": "string"}}
        for name in one.in_path
    ]
    others = [
        {
            "name": given.name,
            "in": given.place,
            "description": given.about,
            "schema": msgspec.json.schema(given.kind),
        }
        for given in one.parameters
    ]
    return ids + others


def _responses(one: Operation, schemas: _Schemas) -> dict[str, Any]:
    answered = {str(status): _success(one, status, kind, schemas) for status, kind in one.answers.items()}
    if one.path.startswith("/v4/"):
        errors, content = _errors_of_v4(one), {_JSON: {"schema": {"$ref": _TEMPLATE.format(name=_REFUSAL)}}}
    else:
        errors, content = _errors_of_v1(one), {MEDIA_TYPE: {"schema": schemas.answer(ProblemBody)}}
    refused = {str(status): {"description": about, "content": content} for status, about in sorted(errors.items())}
    return refused | answered


def _success(one: Operation, status: int, kind: Any, schemas: _Schemas) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if kind is None:
        return answer
    schema, example = schemas.answer(kind), msgspec.to_builtins(one.example)
    if one.path.startswith("/v4/"):
        schema = _enveloped(schema)
        example = {"meta": {"code": 200, "message": SUCCESS}, "data": example}
    content: dict[str, Any] = {"schema": schema}
    if one.example is not None:
        content["example"] = example
    answer["content"] = {one.media_type: content}
    if found := links_of(one, kind, OPERATIONS):
        answer["links"] = found
    return answer


def _errors_of_v4(one: Operation) -> dict[int, str]:
    return _KEYLESS | _AWAY | _TOO_MANY | (_TOO_LARGE if one.body is not None else {}) | dict(one.errors)


def _errors_of_v1(one: Operation) -> dict[int, str]:
    found = {} if one.scope is None else _KEYLESS | _AWAY
    if one.scope not in (None, "updates"):
        found |= _TOO_MANY
    if one.body is not None:
        found |= _UNREAD | _TOO_LARGE
    if one.body is not None or one.parameters:
        found |= _REFUSED
    if one.in_path:
        found |= _ABSENT
    return found | dict(one.errors)


def _enveloped(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"meta": {"$ref": _TEMPLATE.format(name="Meta")}, "data": schema},
        "required": ["meta", "data"],
        "additionalProperties": False,
    }


ROUTES: Final = (openapi,)
