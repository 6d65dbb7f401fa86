"""Unread codes and texts: counted by account and source, bounded, and shown to their account."""

from collections import Counter
from uuid import UUID

from tests.support.api import Api, Caller
from tests.support.databases import add_account
from waypost.domain.checkpoints import Checkpoint
from waypost.intake.unread import MOST_WAITING, UNREAD, UnreadScans
from waypost.store import unread, unread_changes
from waypost.store.database import Database
from waypost.store.unread_changes import UnreadKey


async def rows(database: Database, account: UUID) -> list[tuple[str, str, str, int]]:
    async with database.serving.acquire() as session:
        return [(row.source, row.code, row.text, row.seen) for row in await unread.of_account(session, account)]


def unread_scan(text: str, code: str | None = None) -> Checkpoint:
    return Checkpoint("2026-07-01T08:00:00", text, raw_status=code)


async def test_new_unread_scans_are_listed_most_frequent_first(api: Api, shop: Caller) -> None:
    before = UNREAD.copy()
    texts = ["Lorem ipsum", "Dolor 12 sit 7", "Dolor 4711 sit  0", "In transit"]
    for _ in range(2):  # the second time they are known
        checkpoints = [
            {"checkpoint_date": f"2026-07-01T08:0{place}:00", "tracking_detail": text, "raw_status": "X1"}
            for place, text in enumerate(texts)
        ]
        update = {"tracking_number": "A1", "courier_code": "dhl", "create": True, "checkpoints": checkpoints}
        await shop.post("/v1/updates", {"updates": [update]})

    await api.parts.intake.unread.write()
    await api.parts.intake.unread.write()

    assert UNREAD - before == Counter({"api": 3})
    assert await rows(api.database, shop.account) == [
        ("api", "X1", "Dolor # sit #", 2),
        ("api", "X1", "Lorem ipsum", 1),
    ]


async def test_an_account_keeps_a_bounded_number_and_the_most_frequent_of_them(database: Database) -> None:
    account, other = await add_account(database), await add_account(database)
    seen = {UnreadKey(account, "api", "", text): times for text, times in (("often", 2), ("old", 1), ("older", 1))}

    async with database.serving.acquire() as session:
        await unread_changes.count_unread(session, seen | {UnreadKey(other, "api", "", "theirs"): 1}, most=3)
        await unread_changes.count_unread(
            session, {UnreadKey(account, "dhl", "N", text): 1 for text in ("new", "newer")}, most=3
        )

    assert {row[2] for row in await rows(database, account)} == {"often", "new", "newer"}
    assert len(await rows(database, other)) == 1


async def test_unwritten_counts_are_bounded_and_known_entries_are_still_counted(database: Database) -> None:
    account = await add_account(database)
    found = UnreadScans(database)
    letters = ["".join(chr(97 + int(digit)) for digit in str(number)) for number in range(MOST_WAITING + 10)]

    for text in (*letters, letters[0]):
        found.note(account, "api", unread_scan(text))
    await found.write()

    assert (await rows(database, account))[0] == ("api", "", letters[0], 2)


async def test_long_codes_and_texts_are_truncated(database: Database) -> None:
    account = await add_account(database)
    found = UnreadScans(database)
    found.note(account, "api", unread_scan("包" * 1_000, "🎁" * 200))
    await found.write()

    ((_, code, text, _),) = await rows(database, account)
    assert (len(code), len(text)) == (100, 200)
