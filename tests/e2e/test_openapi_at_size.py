"""The running server against everything schemathesis generates, with two accounts at once."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from examples.demo.site import Site
from tests.support.serving import Serving, serving
from tests.support.shops import CLOSED, ids_of, two_shops
from waypost.api.openapi.document import OPERATIONS, make_document

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"),
    *("response_headers_conformance", "unsupported_method", "allow_header_conformance", "missing_required_header"),
    *("ignored_auth", "use_after_free", "ensure_resource_availability"),
)
ONE_BY_ONE = ("--phases=examples,coverage,fuzzing", f"--max-examples={os.environ.get('WAYPOST_TEST_EXAMPLES', '150')}")
ONE_AFTER_THE_OTHER = ("--phases=stateful", f"--max-time={os.environ.get('WAYPOST_TEST_SECONDS', '120')}")
GOOD: dict[str, dict[str, Any]] = {
    "url": {"pattern": f"^{re.escape(CLOSED)}[a-z]{{0,9}}$"},
    "tracking_number": {"pattern": "^[A-Z0-9]{1,9}$"},
    "courier_code": {"enum": ["dhl", "ups", "usps"]},
    "courier_code_new": {"enum": ["fedex", "dpd"]},
    "origin_country_iso2": {"enum": ["US", "DE"]},
    "destination_country_iso2": {"enum": ["US", "DE"]},
    "order_date": {"enum": ["2026-03-04", "1772630400"]},
    "language": {"enum": ["en", "de"]},
    "auto_correct": {"enum": ["0", "1"]},
    "archived_status": {"enum": ["archived", "tracking"]},
}
"""Valid values for free-text fields, without which hardly a request would pass their checks."""


@pytest.fixture
def server() -> Iterator[Serving]:
    # No port but the closed one, so that an endpoint that is thought of leads nowhere.
    with serving(WAYPOST_EGRESS_PORTS=CLOSED.rstrip("/").rpartition(":")[2]) as server:
        server.start()
        yield server


def fields_of_bodies(document: dict[str, Any]) -> list[dict[str, Any]]:
    schemas = document["components"]["schemas"]
    return [schema["properties"] for name, schema in schemas.items() if name.endswith("Body")]


def test_the_valid_values_are_of_fields_that_exist() -> None:
    assert GOOD.keys() <= set(chain.from_iterable(fields_of_bodies(json.loads(json.dumps(make_document())))))


def document_for(shop: Site) -> dict[str, Any]:
    """Return the document with this account's objects as examples, and with valid values for free-text fields."""
    document: dict[str, Any] = json.loads(json.dumps(make_document()))
    ids = ids_of(shop)
    for operation in (one for methods in document["paths"].values() for one in methods.values()):
        for parameter in operation["parameters"]:
            if parameter["name"] in ids:
                parameter["example"] = ids[parameter["name"]]
        example = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        if isinstance(example, dict):
            good = {"url": CLOSED, "endpoint_id": ids["endpoint_id"]}
            example.update({name: text for name, text in good.items() if name in example})
    for fields in fields_of_bodies(document):
        fields.update({name: {"type": "string", **good} for name, good in GOOD.items() if name in fields})
    return document


def look(shop: Site, folder: Path, *, seed: int, options: tuple[str, ...]) -> subprocess.Popen[str]:
    """Start a run of schemathesis as this account; its report is written into the folder."""
    folder.mkdir()
    (folder / "openapi.json").write_text(json.dumps(document_for(shop)))
    # The name as it is described: schemathesis leaves out that one when it asks without a key.
    key = f"--header=Tracking-Api-Key: {shop.headers['tracking-api-key']}"
    chosen = [key, f"--url={shop.url}", f"--checks={','.join(CHECKS)}", f"--seed={seed}", "--generation-database=none"]
    return subprocess.Popen(
        (
            *(sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", *chosen, *options),
            *("--no-color", "--continue-on-failure", "--request-timeout=70", "--report=json"),
            "--report-json-path=report.json",
        ),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("options", [ONE_BY_ONE, ONE_AFTER_THE_OTHER], ids=["one by one", "one after the other"])
def test_two_accounts_get_only_described_responses(server: Serving, tmp_path: Path, options: tuple[str, ...]) -> None:
    shops = two_shops(server)
    runs = [look(shop, tmp_path / f"{place}", seed=place, options=options) for place, shop in enumerate(shops)]
    said = [run.communicate()[0] for run in runs]

    for place, run in enumerate(runs):
        report = json.loads((tmp_path / f"{place}" / "report.json").read_text())
        assert (run.returncode, report["complete"]) == (0, True), said[place][-5000:]
        assert report["operations"]["total"] == len(OPERATIONS)
        if options is ONE_BY_ONE:
            assert report["operations"]["tested"] == len(OPERATIONS)
