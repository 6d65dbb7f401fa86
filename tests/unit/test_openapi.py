"""The OpenAPI document describes exactly the routes, and its examples are valid."""

from typing import Any, cast

import msgspec
import pytest
from jsonschema import Draft202012Validator
from litestar.routes import HTTPRoute

from waypost.api.application import make_application
from waypost.api.openapi.document import OPERATIONS, make_document

DOCUMENT = msgspec.json.decode(msgspec.json.encode(make_document()))
ITSELF = ("get", "/openapi.json")
PUSHES = ("post", "/inbound/{source}/{token}")
"""What arrives there is described by those who send it."""


def described() -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, one) for path, methods in DOCUMENT["paths"].items() for method, one in methods.items()]


def test_every_route_is_described_and_nothing_else() -> None:
    routes = {
        (str(method).lower(), route.path_format)
        for route in make_application(cast("Any", None)).routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
        if method != "OPTIONS"
    }

    assert {(method, path) for method, path, _ in described()} == routes - {ITSELF, PUSHES}


def test_every_operation_has_a_summary_and_a_unique_id() -> None:
    assert [path for _, path, one in described() if not one["summary"].endswith(".")] == []
    assert len({one["operationId"] for _, _, one in described()}) == len(OPERATIONS)


def test_every_schema_is_valid() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


EXAMPLES = [
    (f"{method} {path} {where}", content)
    for method, path, one in described()
    for where, part in [*one["responses"].items(), ("body", one.get("requestBody", {}))]
    for content in part.get("content", {}).values()
    if "example" in content
]


@pytest.mark.parametrize("content", [content for _, content in EXAMPLES], ids=[name for name, _ in EXAMPLES])
def test_examples_match_their_schemas(content: dict[str, Any]) -> None:
    schema = {**content["schema"], "components": DOCUMENT["components"]}

    Draft202012Validator(schema).validate(content["example"])


def test_every_success_with_a_body_has_an_example() -> None:
    bare = [
        path
        for _, path, one in described()
        if path.startswith(("/v1", "/v4"))
        for status, part in one["responses"].items()
        if status in ("200", "201") and "example" not in next(iter(part["content"].values()))
    ]

    assert bare == []


def test_every_operation_with_an_id_is_linked_from_a_response_with_that_id() -> None:
    wanted = {one["operationId"]: one["parameters"][0]["name"] for _, path, one in described() if "{" in path}
    led_to = set()
    for _, _, one in described():
        for answer in one["responses"].values():
            for link in answer.get("links", {}).values():
                ((name, place),) = link["parameters"].items()
                value = answer["content"]["application/json"]["example"]
                for step in place.removeprefix("$response.body#/").split("/"):
                    value = value[int(step) if isinstance(value, list) else step]
                assert (name, type(value)) == (wanted[link["operationId"]], str)
                led_to.add(link["operationId"])

    assert led_to == set(wanted)
