"""Work on large reports and parcels yields to others, in intake and in dispatch."""

import asyncio
from uuid import uuid4

import pytest

from tests.flow.test_dispatch import Way, running
from tests.flow.test_intake import reporting
from tests.support.databases import add_account
from tests.support.receiver import receiving
from tests.support.rounds import looks_per_slice
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.trackings import Source, Update, apply, register
from waypost.intake.batch import write
from waypost.intake.collector import HEAVY_DELIVERIES, MANY_ENDPOINTS
from waypost.intake.unread import UNREAD
from waypost.portal.track.parcel_view import parcel_view, parcel_view_in_turns
from waypost.portal.track.texts import LANGUAGES
from waypost.store.database import Database
from waypost.store.statements import SENT, transaction
from waypost.turns import Turn


async def test_the_texts_of_a_long_report_are_read_in_slices(database: Database) -> None:
    account = await add_account(database)
    scans = [Checkpoint(f"2026-03-02T08:{n // 60:02}:{n % 60:02}", f"Departed from depot {n}") for n in range(200)]
    known = [reporting(account, "A1", *scans[:150])]

    async with database.engine.acquire() as session, transaction(session):
        with looks_per_slice(10) as first:
            await write(session, known, frozenset())
        with looks_per_slice(10) as second:
            written = await write(session, [reporting(account, "A1", *scans)], frozenset())

    assert first.count >= 150 / 12
    assert 50 / 15 <= second.count < 100 / 12  # what is known is not read again
    assert [one.changed for one in written.results] == [True]


async def test_unread_scans_are_noted_in_slices(database: Database) -> None:
    account, intake = await add_account(database), Way(database).intake
    scans = [Checkpoint(f"2026-03-02T08:{n // 60:02}:{n % 60:02}", "Lorem ipsum") for n in range(200)]
    before = UNREAD["api"]

    intake.start()
    with looks_per_slice(10) as waits:
        await intake.submit([reporting(account, "A1", *scans)])
        await intake.stop()

    assert UNREAD["api"] - before == 200
    assert waits.count >= 2 * 200 / 12  # to read and to note


async def test_large_parcels_are_rendered_in_turns(database: Database) -> None:
    account = await add_account(database)
    async with receiving() as receiver, running(Way(database)) as way:
        await way.add_endpoint(account, receiver.url)
        scans = [Checkpoint(f"2026-03-02T08:00:{n:02}", f"Lot {uuid4()}") for n in range(60)]
        with looks_per_slice(1) as waits:
            await way.intake.submit([reporting(account, f"A{number}", *scans) for number in range(20)])
            merged = waits.count
            await receiver.received(20)

    assert waits.count - merged >= 20 / 2


async def test_a_track_page_hides_words_in_slices() -> None:
    scans = tuple(Checkpoint(f"2026-03-02T08:00:{n:02}", f"Lot {n} for Ann") for n in range(60))
    state = register("0" * 32, "A1", "dhl", {"customer_name": "Ann"}, 0)
    state = apply(state, Update(Source.API, scans), 1).state

    with looks_per_slice(1) as waits:
        view = await parcel_view_in_turns(state, LANGUAGES["en"], Turn())

    assert view == parcel_view(state, LANGUAGES["en"])
    assert waits.count >= 60 / 2


@pytest.mark.parametrize(("parcels", "scans", "transactions"), [(1, 400, 2), (10, 40, 1)])
async def test_after_a_change_of_a_large_parcel_its_account_has_batches_of_its_own(
    database: Database, parcels: int, scans: int, transactions: int
) -> None:
    heavy, other = await add_account(database), await add_account(database)
    known = [Checkpoint(f"2026-03-02T08:{n // 60:02}:{n % 60:02}", f"Lot {n}") for n in range(scans)]
    intake = Way(database).intake
    intake.start()
    await intake.submit([reporting(heavy, f"A{number}", *known) for number in range(parcels)])
    one_more = [reporting(heavy, f"A{number}", Checkpoint("2026-03-03T08:00:00", "Lot")) for number in range(parcels)]

    await intake.submit(one_more)
    before = SENT["begin"]
    await asyncio.gather(intake.submit(one_more[:1]), intake.submit([reporting(other, "B", known[0])]))
    apart = SENT["begin"] - before
    await intake.stop()

    assert apart == transactions


@pytest.mark.parametrize(("endpoints", "transactions"), [(MANY_ENDPOINTS, 2), (MANY_ENDPOINTS - 1, 1)])
async def test_after_events_for_many_endpoints_their_account_has_batches_of_its_own(
    database: Database, endpoints: int, transactions: int
) -> None:
    heavy, other = await add_account(database), await add_account(database)
    way, scan = Way(database), Checkpoint("2026-03-02T08:00:00", "Departed")
    for number in range(endpoints):
        await way.add_endpoint(heavy, f"https://shop.test/{number}")
    way.intake.start()
    await way.intake.submit(
        [reporting(heavy, f"A{number}", scan) for number in range(HEAVY_DELIVERIES // endpoints + 1)]
    )

    before = SENT["begin"]
    await asyncio.gather(
        way.intake.submit([reporting(heavy, "A", scan)]), way.intake.submit([reporting(other, "B", scan)])
    )
    apart = SENT["begin"] - before
    await way.intake.stop()

    assert apart == transactions
