"""A backup of a large installation at work: complete, checked, and no delivery is missing afterwards."""

import pytest

from benchmarks.backups import ENDPOINTS, measure
from tests.conftest import Judge
from tests.support.embedded import open_place
from tests.support.faults import Tally

pytestmark = [pytest.mark.faults, pytest.mark.alone]

PARCELS = 1_000_000
UPDATES_PER_SECOND = 125
SECONDS = 20.0
TARGET = "p99 during a backup at most 1.5 times the one before"


async def test_a_large_installation_is_backed_up_while_it_delivers(judged: Judge) -> None:
    with open_place() as place:
        found = await measure(place, parcels=PARCELS, per_second=UPDATES_PER_SECOND, seconds=SECONDS)

    sent = found["deliveries"] // ENDPOINTS
    seen = f"{found['backup_megabytes']} MB of {found['database_megabytes']}; webhooks: {found['webhooks']}"
    judged(Tally("backup of a million parcels", 1, sent, found["missing"], 0, 0, 0, TARGET, seen))
    assert found["missing"] == 0
    assert found["rows"]["tracking"] >= PARCELS
