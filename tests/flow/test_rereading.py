"""Known scans are reread only on request: counted first, then changed, with events."""

import msgspec
import pytest

from tests.support.api import Api, Caller
from waypost.actions.actor import operator
from waypost.actions.rereading import reread
from waypost.domain.audit import Action
from waypost.domain.checkpoints import Basis, Checkpoint
from waypost.domain.readings import Reading, read
from waypost.domain.trackings import Source, Update
from waypost.intake.requests import Request
from waypost.sources.carriers import rereaders
from waypost.store import audit

AT = "2026-07-01T08:00:00"


def as_read_before(text: str, code: str | None, substatus: str | None, basis: Basis = Basis.TEXT) -> Checkpoint:
    return read(Checkpoint(AT, text, raw_status=code), Reading(substatus, basis))


async def track(api: Api, shop: Caller, number: str, scan: Checkpoint) -> None:
    update = Update(Source.POLL, (scan,))
    await api.parts.intake.submit([Request(shop.account, number, "dhl", update, create=True)])


async def read_again(api: Api, shop: Caller, *, dry_run: bool) -> list[int]:
    found = await reread(api.parts, operator(shop.account), rereaders(), dry_run=dry_run)
    assert found.done is not dry_run
    return [found.parcels, found.parcels_changed, found.checkpoints_changed, found.statuses_changed]


async def seen(api: Api) -> list[tuple[object, ...]]:
    rows = await api.database.serving.fetch("select tracking_number, substatus, sequence from tracking order by 1")
    return [tuple(row) for row in rows]


async def test_a_count_changes_nothing_and_rereading_creates_an_event_per_changed_parcel(
    api: Api, shop: Caller
) -> None:
    await track(api, shop, "A1", as_read_before("Out for delivery", None, None))
    await track(api, shop, "A2", as_read_before("Out for delivery", None, "pickup001"))
    await track(api, shop, "A3", as_read_before("DELIVERED_AT_SHIPPER", "transit", "transit001", Basis.GENERAL_CODE))
    await track(api, shop, "A4", as_read_before("Delivered", "transit", "transit001", Basis.REPORTER))
    before = await seen(api)

    counted = await read_again(api, shop, dry_run=True)

    assert counted == [4, 2, 2, 2]
    assert await seen(api) == before
    assert await read_again(api, shop, dry_run=False) == counted
    assert await seen(api) == [
        ("A1", "pickup001", 2),
        ("A2", "pickup001", 1),
        ("A3", "exception010", 2),
        ("A4", "transit001", 1),
    ]
    assert await read_again(api, shop, dry_run=True) == [4, 0, 0, 0]


@pytest.mark.parametrize(
    "kept",
    [
        as_read_before("Delivered", "X1", "transit001", Basis.CODE),  # a code that nobody can read again
        as_read_before("Delivered", "transit", "transit001", Basis.GENERAL_CODE),  # its text makes no delivery
        msgspec.structs.replace(as_read_before("Stored", "transit", "pickup002"), beside=7),  # from a remark
    ],
)
async def test_scans_that_cannot_be_reread_stay_unchanged(api: Api, shop: Caller, kept: Checkpoint) -> None:
    await track(api, shop, "A1", kept)

    assert await read_again(api, shop, dry_run=False) == [1, 0, 0, 0]


async def test_a_scan_changed_by_its_source_meanwhile_keeps_its_new_reading(api: Api, shop: Caller) -> None:
    was_read_again = as_read_before("Scanned", "transit", "exception006", Basis.CODE)
    await track(api, shop, "A1", as_read_before("Scanned", "delivered", "delivered001", Basis.CODE))

    update = Update(Source.API, (was_read_again,), rereads=True)
    await api.parts.intake.submit([Request(shop.account, "A1", "dhl", update)])

    assert await seen(api) == [("A1", "delivered001", 1)]


async def test_parcels_of_other_accounts_are_not_reread(api: Api, shop: Caller) -> None:
    await track(api, await api.caller(), "A1", as_read_before("Out for delivery", None, None))

    assert await read_again(api, shop, dry_run=False) == [0, 0, 0, 0]


async def test_a_run_that_changes_readings_is_in_the_audit_log_and_a_count_is_not(api: Api, shop: Caller) -> None:
    await track(api, shop, "A1", as_read_before("Out for delivery", None, None))

    await read_again(api, shop, dry_run=True)
    await read_again(api, shop, dry_run=False)

    async with api.database.serving.acquire() as session:
        (entry,) = await audit.page(session, shop.account, limit=10)
    assert (entry.action, entry.subject) == (Action.TRACKINGS_REREAD, "all parcels")
