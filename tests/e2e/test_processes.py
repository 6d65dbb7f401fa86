"""The server as several processes: the dispatch processes of `serve`, and one role per process."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from examples.demo.site import Site
from tests.e2e.test_serve import alive, children_of, report, text_at
from tests.support.embedded import open_place
from tests.support.ledger import Ledger, keeping_ledger
from tests.support.reporter import SCANS, wait_until_settled
from tests.support.serving import Program, Serving, run_waypost, running_roles, serving
from waypost.app.child import send_in_the_background

FAILING = Path(__file__).parents[1] / "support" / "failing"
KEY = "a secret key of sixteen characters or more"


@pytest.fixture
def server() -> Iterator[Serving]:
    with serving(WAYPOST_DISPATCH_PROCESSES="2", WAYPOST_DISPATCH_INSIDE="off") as server:
        server.start()
        yield server


def command_of(pid: int) -> bytes:
    """Return the command line of a process; empty if it has exited."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def sending_processes(server: Serving) -> set[int]:
    """Return those that run or are starting."""
    return {pid for pid in children_of(server.process.pid) if b"waypost.app.child" in command_of(pid)}


def dispatch_processes(server: Serving) -> set[int]:
    """Yield both as soon as they run and share the work."""

    # A dead one is counted, too, for some seconds; so is the server's own, until it has left.
    server.wait_for(
        lambda: len(sending_processes(server)) == 2 and "waypost_dispatchers 2.0\n" in text_at(server, "/metrics")
    )
    return sending_processes(server)


def succeeded(server: Serving) -> str:
    (line,) = (
        line for line in text_at(server, "/metrics").splitlines() if 'attempts_total{outcome="succeeded"}' in line
    )
    return line.split()[-1]


def deliver(ledger: Ledger, number: str, shop) -> None:
    ledger.wait_for({shop.post("/v1/updates", report(number))["results"][0]["event_id"]})


def test_a_burst_moves_the_sending_into_processes_and_nothing_is_lost_or_repeated(ledger: Ledger) -> None:
    with serving(WAYPOST_DISPATCH_PROCESSES="2") as server:
        server.start()
        shop = server.account()
        for path in PATHS:
            shop.post("/v1/endpoints", {"url": f"{ledger.url}{path}"})
        first = reported(shop, 1)
        ledger.wait_for_each(first, PATHS)  # sent by the server's own process, while the others may be starting

        ledger.slowness = SLOW_SECONDS
        moving = reported(shop, 2) | reported(shop, 3)
        dispatch_processes(server)
        ledger.slowness = 0.0
        after = reported(shop, 4)
        ledger.wait_for_each(first | moving | after, PATHS)
        wait_until_settled(server, shop.headers["tracking-api-key"])

        assert server.said().count("dispatch_moved") == 1
        assert len(ledger.taken) == 4 * PARCELS * len(PATHS)
        assert ledger.out_of_order() == []
        assert server.stop() == 0


@pytest.mark.faults
def test_moving_out_and_back_again_and_again_loses_repeats_and_reorders_nothing(ledger: Ledger) -> None:
    with serving(WAYPOST_DISPATCH_PROCESSES="2") as server:
        server.also = {"PYTHONPATH": str(FAILING), "QUIET_SECONDS": "6"}
        server.start()
        shop = server.account()
        for path in PATHS:
            shop.post("/v1/endpoints", {"url": f"{ledger.url}{path}"})
        events: set[str] = set()
        for scans in (1, 3):
            ledger.slowness = 4 * SLOW_SECONDS  # a single report must be in hand at two looks
            events |= reported(shop, scans)
            dispatch_processes(server)
            ledger.slowness = 0.0
            moved = server.said().count('"to": "process"')
            server.wait_for(lambda moved=moved: server.said().count('"to": "process"') > moved)
            events |= reported(shop, scans + 1)  # while the processes end
            server.wait_for(lambda: not sending_processes(server))
            ledger.wait_for_each(events, PATHS)
        wait_until_settled(server, shop.headers["tracking-api-key"])

        assert len(ledger.taken) == 4 * PARCELS * len(PATHS)
        assert ledger.out_of_order() == []
        assert succeeded(server) == f"{len(ledger.taken)}.0"
        assert server.stop() == 0


def test_a_server_with_little_to_send_has_no_processes_for_it(shared_server: Serving, ledger: Ledger) -> None:
    shop = shared_server.account("little@example.com")
    shop.post("/v1/endpoints", {"url": ledger.url})
    before = shared_server.said().count("dispatch_moved")

    deliver(ledger, "A1", shop)

    assert before or not sending_processes(shared_server)


def test_sending_processes_have_a_lower_priority(server: Serving) -> None:
    sending = dispatch_processes(server)

    assert {os.sched_getscheduler(pid) for pid in sending} == {os.SCHED_BATCH}
    others = {server.process.pid, *children_of(server.process.pid)} - sending
    assert {os.sched_getscheduler(pid) for pid in others} == {os.SCHED_OTHER}


def test_without_permission_to_lower_the_priority_it_still_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", forbid)

    send_in_the_background()


def test_killed_dispatch_processes_restart_and_continue(server: Serving, ledger: Ledger) -> None:
    shop = server.account()
    shop.post("/v1/endpoints", {"url": ledger.url})
    deliver(ledger, "A1", shop)
    first = dispatch_processes(server)
    wait_until_settled(server, shop.headers["tracking-api-key"])
    server.wait_for(lambda: succeeded(server) == "1.0")

    for process in first:
        os.kill(process, signal.SIGKILL)
    server.wait_for(lambda: not any(map(alive, first)) and shop.status("/health/ready") == 200)

    deliver(ledger, "A2", shop)
    assert not dispatch_processes(server) & first
    server.wait_for(lambda: succeeded(server) == "2.0")  # what those had counted that were killed counts on
    assert server.said().count("dispatch_process_ended") == 2
    assert server.stop() == 0


@pytest.mark.parametrize("paused", [False, True])
def test_the_dispatch_processes_never_outlive_serve(server: Serving, *, paused: bool) -> None:
    dispatch = dispatch_processes(server)
    if paused:
        for process in dispatch:
            os.kill(process, signal.SIGSTOP)

    os.kill(server.process.pid, signal.SIGKILL)  # it alone, not its group
    server.process.wait()

    with keeping_ledger() as clock, clock.changed:
        assert clock.changed.wait_for(lambda: not any(map(alive, dispatch)), 10)


def test_another_dispatcher_works_beside_serve_on_its_data_directory(server: Serving) -> None:
    other = Program(server.log.with_name("dispatch.log"), {"WAYPOST_DATA_DIR": str(server.data_dir)})
    other.launch("dispatch")
    other.wait_until_ready()
    other.wait_for(lambda: "waypost_attempts_in_flight" in text_at(other, "/metrics"))

    assert other.stop() == 0
    assert server.stop() == 0
    assert "Traceback" not in other.said() + server.said()


def key_of_new_account(settings: dict[str, str]) -> str:
    account = ("account", "create", "--email", "a@b.co", "--name", "Shop", "--password", "correct horse 77")
    return str(json.loads(run_waypost(*account, "--json", **settings).stdout)["api_key"])


async def test_each_role_runs_as_a_separate_process(migrated_url: str, ledger: Ledger) -> None:
    settings = {"WAYPOST_DATABASE_URL": migrated_url, "WAYPOST_SECRET_KEY": KEY}
    roles = ("web", "dispatch", "dispatch", "poll", "keep")

    def work() -> None:
        with open_place() as place, running_roles(place, *roles, **settings) as programs:
            shop = programs[0].site(key_of_new_account(settings))
            shop.post("/v1/endpoints", {"url": ledger.url})
            events = {shop.post("/v1/updates", report(f"A{n}"))["results"][0]["event_id"] for n in range(5)}
            ledger.wait_for(events)
            assert [program.stop() for program in programs] == [0] * len(roles)
            assert "Traceback" not in "".join(program.said() for program in programs)

    await asyncio.to_thread(work)
    assert len(ledger.taken) == 5


PATHS = ("one", "two", "three", "four")
PARCELS = 25
SLOW_SECONDS = 0.5
"""How slow receivers are while more than a few attempts must be in flight at a time."""
GO_ON = signal.SIGCONT


def reported(shop: Site, scans: int) -> set[str]:
    """Report every parcel after this number of scans; return the events."""
    updates = [
        {
            "tracking_number": f"P{parcel:03}",
            "courier_code": "dhl",
            "create": True,
            "checkpoints": [{"checkpoint_date": f"2026-07-{scans:02}T08:00:00", "tracking_detail": SCANS[scans - 1]}],
        }
        for parcel in range(PARCELS)
    ]
    return {result["event_id"] for result in shop.post("/v1/updates", {"updates": updates})["results"]}


@pytest.mark.parametrize(
    "fault", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.faults)], ids=["killed", "paused"]
)
async def test_killing_or_pausing_a_dispatcher_past_its_leases_loses_no_delivery_and_no_order(
    migrated_url: str, ledger: Ledger, fault: signal.Signals
) -> None:
    settings = {"WAYPOST_DATABASE_URL": migrated_url, "WAYPOST_SECRET_KEY": KEY, "WAYPOST_HTTP_TIMEOUT_SECONDS": "1"}

    def work() -> None:
        with open_place() as place, running_roles(place, "web", "dispatch", "dispatch", **settings) as programs:
            shop = programs[0].site(key_of_new_account(settings))
            for path in PATHS:
                shop.post("/v1/endpoints", {"url": f"{ledger.url}{path}"})
            events = reported(shop, 1) | reported(shop, 2)
            programs[1].signal_all(fault)
            events |= reported(shop, 3) | reported(shop, 4)

            ledger.wait_for_each(events, PATHS)
            with suppress(ProcessLookupError):
                programs[1].signal_all(GO_ON)
            codes = [program.stop() for program in programs]
            assert codes == [0, 0 if fault is signal.SIGSTOP else -signal.SIGKILL, 0]

    await asyncio.to_thread(work)
    assert ledger.out_of_order() == []


def test_a_role_without_a_server_says_what_to_start(tmp_path: Path) -> None:
    ended = run_waypost("dispatch", "--data-dir", str(tmp_path / "data"))

    assert ended.returncode == 1
    assert "No `waypost serve` is running on" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
