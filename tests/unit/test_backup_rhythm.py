"""A backup beside a busy server works for a moment, then rests; otherwise it never rests."""

import os
from pathlib import Path
from threading import Thread

import pytest

from waypost.store.backups.copying import BLOCK_BYTES, copy
from waypost.store.backups.rhythm import BUSY_STATEMENTS_PER_SECOND, DOUBLES_SECONDS, MOMENT_SECONDS, Rhythm, Share

BLOCKS = 12


class Clock:
    """A clock on which each look takes half a moment, and each rest as long as it lasts."""

    def __init__(self) -> None:
        self.now, self.rests = 0.0, list[float]()

    def __call__(self) -> float:
        self.now += MOMENT_SECONDS / 2
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.rests.append(seconds)


@pytest.mark.parametrize(("gives_way", "rests"), [(True, BLOCKS // 2), (False, 0)])
def test_a_copy_rests_after_every_second_block_while_it_gives_way(
    tmp_path: Path, *, gives_way: bool, rests: int
) -> None:
    content, clock = os.urandom(BLOCKS * BLOCK_BYTES), Clock()
    rhythm = Rhythm(clock)
    rhythm.gives_way = gives_way
    reader, writer = os.pipe()
    writing = Thread(target=_write, args=[writer, content])
    writing.start()
    made = copy(reader, tmp_path / "dump", rhythm, sleep=clock.sleep)
    writing.join()
    os.close(reader)

    assert (tmp_path / "dump").read_bytes() == content
    assert made.size == len(content)
    assert len(clock.rests) == rests
    assert sum(clock.rests) == pytest.approx(rests * MOMENT_SECONDS, rel=0.01)


def _write(pipe: int, content: bytes) -> None:
    with os.fdopen(pipe, "wb") as file:
        file.write(content)


@pytest.mark.parametrize("share", Share)
def test_a_long_backup_rests_less_and_in_the_end_not_at_all(share: Share) -> None:
    clock = Clock()
    rhythm = Rhythm(clock)
    rhythm.gives_way = True

    rests = []
    for doubled in range(4):
        clock.now = doubled * DOUBLES_SECONDS
        rhythm.rest(share)  # the end of what was before
        rests += [rest for _ in range(9) if (rest := rhythm.rest(share))][-1:]
        rhythm.gives_way = True

    assert rests == sorted(rests, reverse=True)
    assert len(rests) < 4


def test_only_a_busy_database_makes_a_backup_give_way() -> None:
    clock = Clock()
    rhythm = Rhythm(clock)
    given = []
    for transactions in (0, 1000, 1001, 2000):
        clock.now += 10
        rhythm.saw(transactions)
        given.append(rhythm.gives_way)

    assert 10 < 1000 / BUSY_STATEMENTS_PER_SECOND < 100
    assert given == [False, True, False, True]
