"""Numbered pages of parcels match a plain query, wherever they start."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from tests.support.many_parcels import DAYS, add_parcels, list_plainly, old_account
from waypost.domain import ids
from waypost.domain.statuses import Status
from waypost.store import trackings
from waypost.store.database import Database
from waypost.store.numbered_pages import NEAR, numbered_page
from waypost.store.statements import TEXTS, bound
from waypost.store.trackings import Filter

NOW = datetime.now(UTC)
MIDDLE = ids.first_at(NOW - timedelta(days=DAYS / 2))
FILTERS = {
    "all": Filter(),
    "registered before": Filter(before=MIDDLE),
    "registered since": Filter(after=MIDDLE),
    "of one status": Filter(statuses=(Status.DELIVERED,)),
    "of two statuses, not archived": Filter(statuses=(Status.DELIVERED, Status.TRANSIT), archived=False),
    "archived": Filter(archived=True),
    "of a courier": Filter(courier="ups"),
    "of a rare courier": Filter(courier="gls", archived=False),
    "of a courier that is not there": Filter(courier="yodel"),
    "changed since": Filter(updated_after=NOW - timedelta(days=30)),
    "changed before": Filter(updated_before=NOW - timedelta(days=30), statuses=(Status.DELIVERED,)),
    "changed ever, of a courier": Filter(updated_after=NOW - timedelta(days=900), courier="ups"),
    "changed ever, registered since": Filter(updated_after=NOW - timedelta(days=900), after=MIDDLE),
    "changed before, registered before": Filter(updated_before=NOW - timedelta(days=1), before=MIDDLE),
}


async def assert_pages(database: Database, account: UUID, wanted: Filter, *, limit: int, near: int, step: int) -> None:
    """Read every ``step``-th page of a list, its last one and the one behind it."""
    async with database.serving.acquire() as session:
        expected = await list_plainly(session, account, wanted)
        for skipped in {*range(0, len(expected), limit * step), max(len(expected) - 1, 0), len(expected)}:
            rows = await numbered_page(session, account, wanted, limit=limit, skipped=skipped, near=near)
            assert [row.id for row in rows] == expected[skipped : skipped + limit], skipped


@pytest.fixture
async def account(database: Database) -> UUID:
    account, other = old_account(NOW), ids.make_id(1, 0, 2)
    async with database.serving.acquire() as session:
        for one, count in ((account, 700), (other, 30)):
            await add_parcels(session, one, count, NOW)
    return account


async def test_every_page_matches_a_plain_query(database: Database, account: UUID) -> None:
    for wanted in FILTERS.values():
        await assert_pages(database, account, wanted, limit=30, near=0, step=4)


async def test_parcels_changed_at_the_same_time_are_paged_correctly(database: Database, account: UUID) -> None:
    await database.serving.execute("update tracking set updated_at = $1", NOW)

    await assert_pages(database, account, FILTERS["changed since"], limit=30, near=0, step=4)


async def test_an_account_newer_than_its_parcels_has_pages_too(database: Database) -> None:
    account = ids.make_id(round((NOW + timedelta(days=1)).timestamp() * 1000), 0, 3)
    async with database.serving.acquire() as session:
        await add_parcels(session, account, 200, NOW)

    for name in ("all", "changed since"):
        await assert_pages(database, account, FILTERS[name], limit=30, near=0, step=4)


async def test_shown_rows_are_looked_up_by_id(database: Database, account: UUID) -> None:
    lanes = (account, [False, True], ["transit"], UUID(int=0), UUID(int=2**127), 100, 0)
    arguments: dict[str, tuple[object, ...]] = {
        "trackings_by_lane": lanes,
        "trackings_by_courier_lane": (*lanes, ["dhl"]),
        "trackings_by_updated_lane": (*lanes, None, NOW - timedelta(days=900), NOW),
    }
    async with database.serving.acquire() as session:
        for name, values in arguments.items():
            plan = "\n".join(row[0] for row in await session.fetch("explain " + TEXTS[name], *bound(name, *values)))
            assert re.findall(r"using (\w+) on tracking t\b", plan) == ["tracking_pkey"], plan


async def test_only_requested_id_bounds_are_compared_with_the_counts(database: Database, account: UUID) -> None:
    counted = (account, [False], ["transit"], 500, NOW, [NOW - timedelta(days=900)], ["dhl"])
    compared = {Filter(): 0, Filter(after=MIDDLE): 1, Filter(after=MIDDLE, before=ids.first_at(NOW)): 2}
    async with database.serving.acquire() as session:
        for wanted, count in compared.items():
            values = bound("pass_updated_lanes", *counted, *wanted.asked_ids)
            rows = await session.fetch("explain " + TEXTS["pass_updated_lanes"], *values)
            plan = "\n".join(row[0] for row in rows)
            assert "Index Only Scan using tracking_changed_lane on tracking q" in plan, plan
            assert len(re.findall(r"\(id [<>]", plan)) == count, plan


@pytest.mark.faults
@pytest.mark.timeout(1800)
async def test_the_pages_of_a_million_parcels_are_in_order_and_complete(database: Database) -> None:
    account = old_account(NOW)
    async with database.serving.acquire() as session:
        await add_parcels(session, account, 1_000_000, NOW)

    for name, wanted in FILTERS.items():
        step = 1 if "rare" in name else 250
        await assert_pages(database, account, wanted, limit=200, near=NEAR, step=step)
    for wanted in (FILTERS["all"], FILTERS["of a courier"]):
        await assert_walked(database, account, wanted, limit=500)


async def assert_walked(database: Database, account: UUID, wanted: Filter, *, limit: int) -> None:
    """Read a whole list as pages and files do, each page after the last parcel of the previous one."""
    async with database.serving.acquire() as session:
        expected = await list_plainly(session, account, wanted)
        found: list[UUID] = []
        while rows := await trackings.page(session, account, wanted, limit=limit):
            found += [row.id for row in rows]
            wanted = msgspec.structs.replace(wanted, before=found[-1])
    assert found == expected
