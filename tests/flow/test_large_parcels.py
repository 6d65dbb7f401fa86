"""An account with large parcels is read completely, page by page, with little memory and without blocking the loop."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar.response import Stream

from tests.flow.test_intake import reporting
from tests.support.api import Api, Caller
from tests.support.rounds import looks_per_slice
from waypost.actions.actor import operator
from waypost.actions.parcel_csv.exporting import export
from waypost.api.responses import LARGEST_PAGE, LARGEST_PIECE, answer_list
from waypost.domain.checkpoints import Checkpoint
from waypost.intake.batch import write
from waypost.store import feed
from waypost.store.statements import transaction

PARCELS = 40
SCANS = 150
DETAIL = "Held at the depot until its papers are there " * 20


@pytest.fixture
async def heavy(api: Api, shop: Caller) -> Caller:
    """Return an account whose parcels have 150 KB each."""
    scans = [
        Checkpoint(f"2026-03-02T{number // 60:02}:{number % 60:02}:00", f"{number} {DETAIL}") for number in range(SCANS)
    ]
    requests = [reporting(shop.account, f"A{number:02}", *scans) for number in range(PARCELS)]
    async with api.database.engine.acquire() as session, transaction(session):
        await write(session, requests, frozenset())
    return shop


async def walked(shop: Caller, **parameters: Any) -> tuple[list[str], list[int]]:
    """Return the numbers of all events and the sizes of the pages."""
    numbers: list[str] = []
    sizes: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await shop.get("/v1/events", params={**parameters, **cursor})
        found = answer.json()
        if not found["items"]:
            return numbers, sizes
        numbers += [one["tracking_number"] for one in found["items"]]
        sizes.append(len(answer.content))
        cursor = {"cursor": found["next_cursor"]}


async def test_pages_of_the_feed_end_at_four_mebibytes_and_omit_nothing(heavy: Caller) -> None:
    numbers, sizes = await walked(heavy, limit=200)

    assert sorted(numbers) == [f"A{number:02}" for number in range(PARCELS)]
    assert len(sizes) > 1
    assert max(sizes) < LARGEST_PAGE + 1_000


async def test_a_page_of_the_feed_reads_no_more_states_than_it_returns(
    heavy: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "PAGE_BYTES", 1)

    numbers, sizes = await walked(heavy)

    assert (len(numbers), len(sizes)) == (PARCELS, PARCELS)


async def test_numbered_pages_are_complete_however_large_their_parcels_are(heavy: Caller) -> None:
    answer = await heavy.get("/v4/trackings/get?items_amount=200")

    shown = answer.json()
    assert len(answer.content) > LARGEST_PAGE
    assert answer.content.isascii()
    assert shown["meta"] == {"code": 200, "message": "Request response is successful"}
    ids = [one["id"] for one in shown["data"]]
    assert (len(ids), ids) == (PARCELS, sorted(ids, reverse=True))
    assert {len(one["origin_info"]["trackinfo"]) for one in shown["data"]} == {SCANS}


async def test_lists_yield_between_two_parcels(heavy: Caller) -> None:
    for path in ("/v1/events", "/v4/trackings/get"):
        with looks_per_slice(1) as waits:
            answer = (await heavy.get(path)).json()
        assert waits.count >= len(answer.get("items", range(PARCELS))) / 2, (
            path
        )  # a database's answer begins a round, too


async def test_a_large_page_goes_out_in_small_pieces() -> None:
    items = [b"1" * 100_000] * 20

    answer = answer_list(b"[", items, b"]", None)

    assert isinstance(answer, Stream)
    assert isinstance(answer.iterator, AsyncIterator)
    pieces = [bytes(piece) async for piece in answer.iterator if not isinstance(piece, str)]

    assert b"".join(pieces) == b"[" + b",".join(items) + b"]"
    assert max(map(len, pieces)) < 2 * LARGEST_PIECE


async def test_an_export_yields_between_two_parcels(api: Api, heavy: Caller) -> None:
    with looks_per_slice(1) as waits:
        content = b"".join([piece async for piece in export(api.parts, operator(heavy.account))])

    assert len(list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))) == PARCELS
    assert waits.count >= PARCELS / 2
