"""The disk of the bundled PostgreSQL is full for a while: nothing accepted is lost, and it recovers on its own."""

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import Judge
from tests.support.embedded import open_place
from tests.support.faults import PATHS, Tally, counts
from tests.support.ledger import keeping_ledger
from tests.support.reporter import wait_until_settled
from tests.support.serving import LOOK_SECONDS, LOOPBACK, Serving
from tests.support.steady import SteadyShop
from waypost.store.embedded.server import locate

pytestmark = [pytest.mark.faults, pytest.mark.alone]
DISK_MEGABYTES = 130
FULL_SECONDS = 15
BACK_SECONDS = 10.0
LOGGED_BYTES = 10_000
TARGET = "lost 0; no 500; accepting again within 10 s of room; less than 10 KB logged"
CHUNK_BYTES = 1 << 20
_FILL_ITS_LOG = "select pg_logical_emit_message(false, 'full', repeat('x', 1000000)) from generate_series(1, 100)"
LEFT_BYTES = 4_000_000
"""The free space of a nearly full disk: less than the required minimum, enough for deliveries to continue."""


@contextmanager
def small_disk() -> Iterator[Path]:
    """Yield a folder on a separate disk; skip if none can be mounted."""
    with open_place() as place:
        disk = place / "disk"
        disk.mkdir(mode=0o755)
        options = f"size={DISK_MEGABYTES}m,mode=755"
        mounted = subprocess.run(("mount", "-t", "tmpfs", "-o", options, "tmpfs", disk), check=False)  # noqa: S607 - mount and umount are found on the path
        if mounted.returncode != 0:
            pytest.skip("a disk can't be mounted here")
        try:
            yield disk
        finally:
            subprocess.run(("umount", "--lazy", disk), check=True)  # noqa: S607 - mount and umount are found on the path


def keep_full(filler: Path, left: int, seconds: float) -> None:
    """Leave this number of bytes free on a disk for some seconds, even if more become free meanwhile."""
    until = time.monotonic() + seconds
    with filler.open("ab", buffering=0) as file:
        while time.monotonic() < until:
            disk = os.statvfs(filler.parent)
            more = disk.f_bavail * disk.f_frsize - left
            if more > 0:
                with suppress(OSError):  # somebody else was quicker
                    file.write(b"\0" * min(more, CHUNK_BYTES))
            else:
                threading.Event().wait(LOOK_SECONDS)


def wait(_server: Serving) -> None:
    """Do nothing else while the disk is full."""


def panic(server: Serving) -> None:
    """Have PostgreSQL write more of its log than its disk takes: it crashes, and can't recover on the full disk."""

    async def write() -> None:
        place = await locate(server.data_dir)
        assert place is not None
        session = await asyncpg.connect(place.dsn, command_timeout=FULL_SECONDS)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await session.execute(_FILL_ITS_LOG)

    asyncio.run(write())


@pytest.mark.parametrize(
    ("fault", "left", "meanwhile"), [("nearly full", LEFT_BYTES, wait), ("full", 0, wait), ("full, a panic", 0, panic)]
)
def test_a_full_disk_loses_nothing_and_ends_when_there_is_space(
    judged: Judge, fault: str, left: int, meanwhile: Callable[[Serving], None]
) -> None:
    settings = LOOPBACK | {"WAYPOST_DISPATCH_PROCESSES": "1", "WAYPOST_RETRY_BASE_SECONDS": "0.1"}
    if not left:
        settings["WAYPOST_MIN_FREE_DISK"] = "0"  # else nothing is written that could meet the end of the disk
    with small_disk() as disk, keeping_ledger() as ledger:
        server = Serving(disk, settings)
        try:
            server.log = disk.parent / "serve.log"
            server.start()
            site = server.account()
            for path in PATHS:
                site.post("/v1/endpoints", {"url": ledger.url.rstrip("/") + path})
            shop = SteadyShop(site)
            with shop.reporting():
                shop.wait_for_more(200)
                logged, befell = server.log.stat().st_size, [len(ledger.taken)]
                filling = threading.Thread(target=keep_full, args=(disk / "filler", left, FULL_SECONDS))
                filling.start()
                meanwhile(server)
                filling.join()
                (disk / "filler").unlink()
                room_at = time.monotonic()
                shop.wait_for_more(200)
                befell.append(len(ledger.taken))
            ledger.wait_for_each(set(shop.accepted), [path.strip("/") for path in PATHS])
            wait_until_settled(server, site.headers["tracking-api-key"])
            logged = server.log.stat().st_size - logged
            back = shop.first_after(room_at)
            measured = f"accepting again after {back:.1f} s; refused: {dict(shop.refused)}; {logged:,} bytes logged"
            counted = counts(ledger, set(shop.accepted), PATHS, befell)
            judged(Tally(f"F06 disk {fault} for {FULL_SECONDS} s", 1, *counted, target=TARGET, measured=measured))
            assert set(shop.refused) <= {503}, measured
            assert back <= BACK_SECONDS, measured
            assert logged < LOGGED_BYTES, measured
            assert server.stop() == 0
        finally:
            server.kill_what_runs()
