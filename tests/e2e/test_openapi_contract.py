"""The running server against its own OpenAPI document: every response matches its description."""

import itertools
import os
from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from examples.demo.site import Site
from tests.support.serving import Serving, serving
from tests.support.shops import ids_of, two_shops
from waypost.api.openapi.document import make_document

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SLOW = {"/v1/endpoints/{endpoint_id}/test"}
"""A test waits for its endpoint's answer."""
Operation = APIOperation[Any, Any, Any, Any]
SCHEMA = schemathesis.openapi.from_dict(make_document())
OPERATIONS = {
    one.label: one for one in (cast("Operation", found.ok()) for found in cast("Any", SCHEMA.get_all_operations()))
}


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving() as server:
        server.start()
        yield server


@pytest.fixture(scope="module")
def shops(server: Serving) -> list[Site]:
    return two_shops(server)


def ask(shop: Site, case: Case[Any], known: dict[str, str], *, own: bool) -> None:
    """Send a request, with ids that are there or as they were drawn, and judge its answer."""
    if own and case.path_parameters:
        case.path_parameters = {name: known.get(name, text) for name, text in case.path_parameters.items()}
    if "wait" in (case.query or {}):
        case.query = {**(case.query or {}), "wait": "0"}
    case.call_and_validate(base_url=shop.url, headers=dict(shop.headers), checks=CHECKS, timeout=30)


def judge(shops: list[Site], operation: Operation, examples: int) -> None:
    known = [ids_of(shop) for shop in shops]
    takes_something = operation.body or operation.query or operation.headers or operation.path_parameters
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if takes_something else (GenerationMode.POSITIVE,)
    turns = itertools.count()
    for mode in modes:

        @settings(
            max_examples=examples,
            deadline=None,
            phases=(Phase.generate,),
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def run(case: Case[Any]) -> None:
            """Ask as the first account for what is its own, what is the other's, and what is nobody's."""
            turn = next(turns) % 3
            spared = operation.method == "delete" and turn == 0
            ask(shops[0], case, known[turn % 2], own=turn < 2 and not spared)

        run()


@pytest.mark.parametrize("label", [label for label in OPERATIONS if label.split()[1] not in SLOW])
def test_every_response_matches_its_description(shops: list[Site], label: str) -> None:
    judge(shops, OPERATIONS[label], examples=6)


@pytest.mark.faults
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_response_matches_its_description_a_thousand_times(shops: list[Site], label: str) -> None:
    judge(shops, OPERATIONS[label], examples=int(os.environ.get("WAYPOST_TEST_EXAMPLES", "500")))
