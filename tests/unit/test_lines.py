"""Batches are filled from the accounts' lines in turn."""

from collections import Counter
from uuid import UUID

import pytest

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.trackings import Source, Update
from waypost.intake.lines import BULK_REQUESTS, BULK_WEIGHT, LARGEST_BATCH, LARGEST_SHARE, Group, Lines
from waypost.intake.requests import Request

A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)


async def group(account: UUID, requests: int = 1, scans: int = 0) -> Group:
    scan = Checkpoint("2026-03-02T08:00:00", "Departed")
    update = Update(Source.API, (scan,) * scans)
    return Group([Request(account, f"A{number}", "dhl", update) for number in range(requests)], None)


async def waiting(**counts: int) -> Lines:
    lines = Lines()
    for name, count in counts.items():
        for _ in range(count):
            lines.add(await group({"a": A, "b": B, "c": C}[name]))
    return lines


async def test_an_account_behind_a_flood_is_in_the_next_batch() -> None:
    lines = await waiting(a=10 * LARGEST_BATCH, b=1)

    batch = lines.take_batch()

    assert [one.account for one in batch[:2]] == [A, B]


async def test_a_flood_gets_only_its_share_of_a_shared_batch() -> None:
    lines = await waiting(a=10 * LARGEST_BATCH, b=3)

    taken = Counter(one.account for one in lines.take_batch())

    assert taken == {A: LARGEST_SHARE, B: 3}


async def test_a_single_account_fills_a_batch() -> None:
    lines = await waiting(a=LARGEST_BATCH + 1)

    assert (len(lines.take_batch()), len(lines.take_batch()), lines.take_batch()) == (LARGEST_BATCH, 1, [])


async def test_groups_of_one_account_keep_their_order() -> None:
    lines = Lines()
    groups = [await group(A if number % 3 else B) for number in range(30)]
    for one in groups:
        lines.add(one)

    batch = lines.take_batch()

    for account in (A, B):
        assert [one for one in batch if one.account == account] == [one for one in groups if one.account == account]


async def test_accounts_left_out_of_a_batch_keep_their_place() -> None:
    lines = await waiting(a=2, b=1)

    assert lines.requests(without={A}) == 1
    assert [one.account for one in lines.take_batch(without={A})] == [B]
    assert (lines.take_batch(without={A}), lines.take_bulk(without={A})) == ([], [])
    assert lines.requests() == 2


async def test_bulk_groups_are_taken_one_by_one_from_accounts_in_turn() -> None:
    lines = Lines()
    for account in (A, A, A, B, B, C):
        lines.add(await group(account, BULK_REQUESTS + 1))

    order = [one.account for _ in range(6) for one in lines.take_bulk()]

    assert order == [A, B, C, A, B, A]


async def test_small_groups_of_an_account_with_batches_of_its_own_are_taken_together() -> None:
    lines = await waiting(a=LARGEST_SHARE + 2, b=1)

    taken = [Counter(one.account for one in lines.take_bulk()) for _ in range(4)]

    assert taken == [{A: LARGEST_SHARE}, {B: 1}, {A: 2}, {}]


@pytest.mark.parametrize(("requests", "scans"), [(BULK_REQUESTS + 1, 0), (20, BULK_WEIGHT // 20)])
async def test_many_updates_or_many_scans_make_a_bulk(requests: int, scans: int) -> None:
    assert (await group(A, requests, scans)).is_bulk
    assert not (await group(A, requests // 2, scans // 2)).is_bulk
