"""Parcels are imported from CSV files and exported: nothing half done, nothing twice, constant memory."""

import csv
import io
import tracemalloc
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.support.api import Api, Caller
from waypost.actions.actor import operator
from waypost.actions.parcel_csv.cells import unguard
from waypost.actions.parcel_csv.exporting import COLUMNS, PAGE, export
from waypost.actions.parcel_csv.importing import BATCH, MOST_SHOWN, Imported, Stage, import_file
from waypost.actions.parcel_fields import NewTracking
from waypost.actions.refusals import Busy
from waypost.actions.shared_numbers import SharedNumber, shared_numbers
from waypost.actions.trackings import create
from waypost.domain.trackings import TrackingState

HEAD = b"tracking_number,courier_code,title\n"
MANY = 2 * PAGE + 1


async def bring(api: Api, shop: Caller, file: bytes, *, skip: bool = False) -> Imported:
    register = partial(create, api.parts, operator(shop.account), source="WEB")
    compare = partial(shared_numbers, api.parts, operator(shop.account))
    return await import_file(io.BytesIO(file), register, compare, skip_mistakes=skip, seen=lambda *_: None)


async def nothing_shared(_states: Sequence[TrackingState | None]) -> list[SharedNumber]:
    return []


async def exported(api: Api, shop: Caller) -> list[dict[str, str]]:
    content = b"".join([piece async for piece in export(api.parts, operator(shop.account))])
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


async def count(api: Api) -> int:
    found: int = await api.database.serving.fetchval("select count(*) from tracking")
    return found


def rows(number: int) -> bytes:
    return HEAD + b"".join(b"A%d,dhl,Mug %d\n" % (row, row) for row in range(number))


async def test_a_file_is_registered_with_its_facts(api: Api, shop: Caller) -> None:
    done = await bring(api, shop, HEAD + "A1,dhl,J\u00f3zef's mug\nA2,ups,\n".encode())

    assert (done.rows, done.created, done.existing, done.mistaken, done.imported) == (2, 2, 0, 0, True)
    shown = (await shop.get("/v4/trackings/get?tracking_numbers=A1")).json()["data"]
    assert [(one["title"], one["source"], one["delivery_status"]) for one in shown] == [
        ("J\u00f3zef's mug", "WEB", "pending")
    ]


async def test_one_invalid_row_prevents_the_import(api: Api, shop: Caller) -> None:
    done = await bring(api, shop, HEAD + b"A1,dhl,\n?,dhl,\n")

    assert (done.rows, done.created, done.mistaken, done.imported) == (2, 0, 1, False)
    assert [(one.line, one.field) for one in done.mistakes] == [(3, "tracking_number")]
    assert await count(api) == 0


async def test_invalid_rows_can_be_omitted(api: Api, shop: Caller) -> None:
    done = await bring(api, shop, HEAD + b"A1,dhl,\n?,dhl,\nA2,dhl,\n", skip=True)

    assert (done.created, done.mistaken, done.imported, await count(api)) == (2, 1, True, 2)


async def test_a_repeated_import_changes_nothing(api: Api, shop: Caller) -> None:
    await bring(api, shop, HEAD + b"A1,dhl,First\n")

    again = await bring(api, shop, HEAD + b"A1,dhl,Second\nA2,dhl,\nA2,dhl,\n")

    assert (again.created, again.existing) == (1, 2)
    assert {one["tracking_number"]: one["title"] for one in await exported(api, shop)} == {"A1": "First", "A2": ""}


async def test_numbers_that_are_tracked_with_another_courier_are_listed(api: Api, shop: Caller) -> None:
    await bring(api, shop, HEAD + b"A1,ups,\nA2,ups,\n")
    done = await bring(api, shop, HEAD + b"A1,dhl,\nA2,ups,\nA3,dhl,\nA4,dhl,\nA4,ups,\n")

    assert sorted(done.shared, key=lambda one: (one.tracking_number, one.courier_code)) == [
        SharedNumber("A1", "dhl", ["ups"]),
        SharedNumber("A4", "dhl", ["ups"]),
        SharedNumber("A4", "ups", ["dhl"]),
    ]


async def test_a_file_of_several_batches_is_imported_completely(api: Api, shop: Caller) -> None:
    done = await bring(api, shop, rows(2 * BATCH + 1))

    assert (done.created, await count(api)) == (2 * BATCH + 1, 2 * BATCH + 1)


async def test_an_interrupted_import_is_completed_by_the_next(api: Api, shop: Caller) -> None:
    async def break_off(parcels: Sequence[NewTracking]) -> list[TrackingState | None]:
        if await count(api):
            raise Busy("Come again.")
        return await create(api.parts, operator(shop.account), parcels)

    with pytest.raises(Busy):
        await import_file(
            io.BytesIO(rows(BATCH + 1)), break_off, nothing_shared, skip_mistakes=False, seen=lambda *_: None
        )
    done = await bring(api, shop, rows(BATCH + 1))

    assert (done.created, done.existing) == (1, BATCH)


async def test_the_number_of_stored_errors_is_limited(api: Api, shop: Caller) -> None:
    done = await bring(api, shop, HEAD + b"?,dhl,\n" * (MOST_SHOWN + 5))

    assert (len(done.mistakes), done.mistaken) == (MOST_SHOWN, MOST_SHOWN + 5)


async def test_progress_is_reported_for_both_stages(api: Api, shop: Caller) -> None:
    told: list[tuple[Stage, int]] = []
    file = rows(BATCH + 1)

    await import_file(
        io.BytesIO(file),
        partial(create, api.parts, operator(shop.account)),
        nothing_shared,
        skip_mistakes=False,
        seen=lambda stage, place: told.append((stage, place)),
    )

    assert {stage for stage, _ in told} == set(Stage)
    assert [place for stage, place in told if stage is Stage.IMPORTING][-1] == len(file)


async def test_a_long_file_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    async def register(parcels: Sequence[NewTracking]) -> list[TrackingState | None]:
        return [None] * len(parcels)

    async def peak(number: int) -> int:
        path = tmp_path / f"{number}.csv"
        path.write_bytes(rows(number))
        tracemalloc.start()
        with path.open("rb") as file:
            done = await import_file(file, register, nothing_shared, skip_mistakes=False, seen=lambda *_: None)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert done.existing == number
        return most

    await peak(1)

    assert await peak(10 * BATCH) < 1.5 * await peak(2 * BATCH)


async def test_an_export_has_a_header_row_and_is_newest_first(api: Api, shop: Caller) -> None:
    for number in ("A0", "A1"):
        await create(api.parts, operator(shop.account), [NewTracking(number, "dhl")])

    found = await exported(api, shop)

    assert tuple(found[0]) == COLUMNS
    assert [(one["tracking_number"], one["delivery_status"]) for one in found] == [("A1", "pending"), ("A0", "pending")]


async def test_an_export_of_several_pages_has_every_parcel_once(api: Api, shop: Caller) -> None:
    await bring(api, shop, rows(MANY))

    numbers = [one["tracking_number"] for one in await exported(api, shop)]

    assert len(numbers) == len(set(numbers)) == MANY


async def test_an_export_can_be_imported_unchanged(api: Api, shop: Caller) -> None:
    note = '+49 30; "one",\r\n=two \'three'
    await create(
        api.parts, operator(shop.account), [NewTracking("A1", "dhl", {"note": note, "title": "=1+1", "label": "'x"})]
    )
    content = b"".join([piece async for piece in export(api.parts, operator(shop.account))])
    other = await api.caller()

    done = await bring(api, other, content)

    assert (done.created, done.mistakes) == (1, [])
    shown = (await other.get("/v4/trackings/get")).json()["data"][0]
    assert (shown["note"], shown["title"], shown["label"]) == (note, "=1+1", "'x")


async def test_no_cell_of_an_export_is_a_formula(api: Api, shop: Caller) -> None:
    await create(api.parts, operator(shop.account), [NewTracking("A1", "dhl", {"title": '=HYPERLINK("http://x")'})])

    (found,) = await exported(api, shop)

    assert found["title"].startswith("'=")
    assert unguard(found["title"]) == '=HYPERLINK("http://x")'


async def test_an_account_exports_only_its_own_parcels(api: Api, shop: Caller) -> None:
    await bring(api, shop, rows(1))

    assert await exported(api, await api.caller()) == []
