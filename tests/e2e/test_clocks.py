"""The clock of the server's machine jumps; the database's clock decides, so nothing is early, late or lost."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import Judge
from tests.support.faults import open_shop

LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
JUMPS = ("+1h", "-1h", "+400d", "+0")


@pytest.mark.skipif(LIBRARY is None, reason="faketime is not installed (apt install faketime)")
@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.faults)])
def test_a_clock_that_jumps_neither_loses_nor_repeats_nor_disorders(judged: Judge, tmp_path: Path, times: int) -> None:
    offset = tmp_path / "offset"
    offset.write_text("+0")
    with open_shop() as shop:
        shop.server.stop()
        shop.server.also = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        shop.server.start()

        for jump in JUMPS * times:
            came = len(shop.ledger.taken)
            with shop.reporting(15):
                shop.ledger.wait_for_more(came + 5)
                offset.write_text(jump)

        tally = shop.tally("F13 the server's clock jumped", times * len(JUMPS), "lost 0; duplicated 0")
        assert shop.server.stop() == 0

    judged(tally)
    assert tally.duplicated == 0
    told = [one.signed_at for one in shop.ledger.taken]
    assert max(told) - min(told) > timedelta(days=400).total_seconds(), "the server's clock did not jump"
