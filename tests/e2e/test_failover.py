"""A primary that dies, freezes or rejects writes, and its standby: nothing is lost, and nobody restarts anything."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

from examples.demo.site import Site
from tests.conftest import Judge
from tests.support.embedded import open_place
from tests.support.faults import PATHS, Tally, counts
from tests.support.ledger import Ledger, keeping_ledger
from tests.support.pair import Pair, Server, running_pair
from tests.support.reporter import wait_until_settled
from tests.support.serving import Program, run_waypost, running_roles
from tests.support.steady import SteadyShop

pytestmark = [pytest.mark.faults, pytest.mark.alone]
ROLES = ("web", "dispatch", "dispatch", "keep")
KEY = "a secret key of sixteen characters or more"
BEFORE, AFTER = 200, 300
"""Updates that are accepted before the database fails, and after it is usable again."""
AWAY_SECONDS = 10
BACK_SECONDS, BACK_FROM_FROZEN_SECONDS = 5.0, 15.0
TARGET = "lost 0; duplicated: in flight at the kill; no 500; accepting again within {:.0f} s of a writable server"


@dataclass
class Installation:
    """Roles that run on a pair of servers, a shop that reports, and the result."""

    pair: Pair
    programs: list[Program]
    shop: SteadyShop
    ledger: Ledger
    key: str

    def site_at(self, url: str) -> Site:
        """Return the API behind a proxy."""
        return replace(self.shop.site, url=url)

    def log_bytes(self) -> int:
        return sum(program.log.stat().st_size for program in self.programs)

    def tally(
        self, fault: str, *, writable_at: float, befell: list[int], within: float, away: float, logged: int
    ) -> Tally:
        """Wait until everything has come, and count what went wrong; the shop reports no more.

        ``away`` is for how many seconds there was no server that takes writes.
        """
        accepted = set(self.shop.accepted)
        self.ledger.wait_for_each(accepted, [path.strip("/") for path in PATHS])
        wait_until_settled(self.programs[0], self.key)
        back = self.shop.first_after(writable_at)
        measured = (
            f"accepting again after {back:.1f} s; refused: {dict(self.shop.refused)};"
            f" longest pause of receipts {self.longest_pause():.1f} s; {logged:,} bytes logged"
        )
        assert set(self.shop.refused) <= {503}, measured
        assert back <= within, measured
        assert self.longest_pause() <= away + within + BACK_SECONDS, measured
        return Tally(
            fault, 1, *counts(self.ledger, accepted, PATHS, befell), target=TARGET.format(within), measured=measured
        )

    def longest_pause(self) -> float:
        """Return the longest time in which no webhook came, in whole seconds."""
        at = sorted({one.signed_at for one in self.ledger.taken})
        return float(max(later - earlier for earlier, later in pairwise(at)))


@contextmanager
def installation(*roles: str, **settings: str) -> Iterator[Installation]:
    """Yield an installation under load; ``settings`` are those of the database servers."""
    with running_pair(**settings) as pair, keeping_ledger() as ledger, open_place() as place:
        chosen = {
            "WAYPOST_DATABASE_URL": pair.url,
            "WAYPOST_SECRET_KEY": KEY,
            "WAYPOST_DISPATCH_PROCESSES": "1",
            "WAYPOST_RETRY_BASE_SECONDS": "0.1",
        }
        migrated = run_waypost("migrate", **chosen)
        assert migrated.returncode == 0, migrated.stderr
        with running_roles(Path(place), *(roles or ROLES), **chosen) as programs:
            account = ("account", "create", "--email", "a@b.co", "--name", "Shop", "--password", "correct horse 77")
            key = str(json.loads(run_waypost(*account, "--json", **chosen).stdout)["api_key"])
            site = programs[0].site(key)
            for path in PATHS:
                site.post("/v1/endpoints", {"url": ledger.url.rstrip("/") + path})
            yield Installation(pair, programs, SteadyShop(site), ledger, key)
            assert [program.stop() for program in programs] == [0] * len(programs)


def befall(judged: Judge, fault: str, kind: str, seconds: float, within: float) -> None:
    """Break the primary under load, and promote the standby after this number of seconds."""
    with installation() as at:
        with at.shop.reporting():
            at.shop.wait_for_more(BEFORE)
            logged = at.log_bytes()
            at.pair.primary.freeze() if kind == "frozen" else at.pair.primary.kill()
            befell = [len(at.ledger.taken)]
            threading.Event().wait(seconds)
            at.pair.promote()
            writable = time.monotonic()
            at.shop.wait_for_more(AFTER)
            befell.append(len(at.ledger.taken))
        logged = at.log_bytes() - logged
        tally = at.tally(fault, writable_at=writable, befell=befell, within=within, away=seconds, logged=logged)
        judged(tally)


@pytest.mark.parametrize("seconds", [5, 22])
def test_a_primary_that_is_killed_is_followed_by_its_standby(judged: Judge, seconds: int) -> None:
    befall(judged, f"F08 primary killed, standby promoted after {seconds} s", "killed", seconds, BACK_SECONDS)


def test_a_primary_that_is_frozen_is_followed_by_its_standby(judged: Judge) -> None:
    befall(judged, "F08 primary frozen, standby promoted after 5 s", "frozen", 5, BACK_FROM_FROZEN_SECONDS)


def take_no_writes(primary: Server) -> None:
    primary.set("default_transaction_read_only", "on")
    threading.Event().wait(AWAY_SECONDS)
    primary.set("default_transaction_read_only", "off")


def have_no_connection_left(primary: Server) -> None:
    primary.crowd(AWAY_SECONDS)


@pytest.mark.parametrize(
    ("fault", "befalls", "connections"),
    [
        ("F08 both servers read-only", take_no_writes, "100"),
        ("F08 max_connections too small", have_no_connection_left, "40"),
    ],
)
def test_an_unusable_server_loses_nothing_and_sends_nothing_twice(
    judged: Judge, fault: str, befalls: Callable[[Server], None], connections: str
) -> None:
    with installation(max_connections=connections) as at:
        with at.shop.reporting():
            at.shop.wait_for_more(BEFORE)
            logged = at.log_bytes()
            befalls(at.pair.primary)
            writable = time.monotonic()
            at.shop.wait_for_more(AFTER)
        tally = at.tally(
            f"{fault} for {AWAY_SECONDS} s",
            writable_at=writable,
            befell=[],
            within=BACK_SECONDS,
            away=AWAY_SECONDS,
            logged=at.log_bytes() - logged,
        )
        judged(tally)
        assert tally.duplicated == 0


def test_four_roles_share_few_connections(judged: Judge) -> None:
    with installation(max_connections="24") as at:
        began = time.monotonic()
        with at.shop.reporting():
            at.shop.wait_for_more(BEFORE + AFTER)
        tally = at.tally(
            "F08 max_connections 24 for six processes",
            writable_at=began,
            befell=[],
            within=BACK_SECONDS,
            away=0,
            logged=at.log_bytes(),
        )
        judged(tally)
        assert at.shop.refused.total() == tally.duplicated == 0
