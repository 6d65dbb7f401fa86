"""The demo as ``make demo`` starts it: its output, its end, and that it leaves nothing behind."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.demo.children import Children
from examples.demo.failures import ChildEnded, DemoFailed
from examples.demo.folder import held_folder
from examples.demo.ports import chosen_port, free_port
from examples.demo.settings import DemoSettings, read_settings
from examples.demo.verdict import Arrival, Delivery, Parcel, Plan, judge

ROOT = Path(__file__).parents[2]
PLAN = Plan((Parcel("A1", "dhl", "dhl"), Parcel("B2", "dhl", "dhl")), expected_events=3)
# A carrier that says where it is and then waits for its end.
CARRIER = 'import signal; print(\'{"url": "http://127.0.0.1:9"}\', flush=True); signal.pause()'
RUN = """
import sys
from pathlib import Path
from examples.demo.__main__ import run
from examples.demo.screen import Screen
from examples.demo.signals import Signals
from examples.demo.stage import Programs

signals = Signals()
signals.listen()
carriers, waypost = ((sys.executable, "-c", program) for program in sys.argv[1:])
sys.exit(run(Path.cwd() / ".demo", Programs(carriers=carriers, waypost=waypost), signals, Screen()))
"""


def demo_with(waypost: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demo with another program in Waypost's place."""
    return run_demo(("-c", RUN, CARRIER, waypost), folder, **environment)


def run_demo(arguments: Sequence[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("WAYPOST_", "DEMO_"))}
    return subprocess.run(
        (sys.executable, *arguments),
        cwd=folder,
        env=clean | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"} | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def living(folder: Path) -> list[str]:
    """Name the programs of a demo that are still there."""
    processes = (folder / ".demo" / "processes").read_text("utf-8").splitlines()
    assert processes
    return [line for line in processes if is_alive(int(line.split()[0]))]


def is_alive(process: int) -> bool:
    try:
        os.killpg(process, 0)
    except ProcessLookupError:
        return False
    return True


def delivery(number: str, sequence: int, state: str = "delivered") -> Delivery:
    return Delivery(f"dlv_{number}{sequence}", f"evt_{number}{sequence}", number, sequence, "transit", state)


def arrival(number: str, sequence: int, verdict: str = "kept") -> Arrival:
    return Arrival(f"evt_{number}{sequence}", verdict, verdict != "refused", number, sequence)


DELIVERIES = (delivery("A1", 1), delivery("A1", 2), delivery("B2", 1))
ARRIVALS = (arrival("A1", 1), arrival("B2", 1), arrival("A1", 2))


def test_the_verdict_accepts_a_complete_ordered_run() -> None:
    verdict = judge(PLAN, DELIVERIES, ARRIVALS)

    assert verdict.summary == "delivered 3/3, verified 3/3, in order 2/2 parcels"
    assert verdict.missing == ()


@given(st.permutations([arrival("A1", 1), arrival("A1", 2), arrival("A1", 3), arrival("B2", 1)]))
def test_only_the_order_within_a_parcel_matters(arrivals: list[Arrival]) -> None:
    of_a = [one.sequence for one in arrivals if one.tracking_number == "A1"]

    verdict = judge(Plan(PLAN.parcels, 4), (*DELIVERIES, delivery("A1", 3)), arrivals)

    assert (verdict.missing == ()) == (of_a == [1, 2, 3])


def test_a_repeated_older_webhook_does_not_break_the_order() -> None:
    assert judge(PLAN, DELIVERIES, (*ARRIVALS, arrival("A1", 1, "duplicate"))).missing == ()


@pytest.mark.parametrize(
    ("deliveries", "arrivals", "summary", "missing"),
    [
        (
            (*DELIVERIES[:2], delivery("B2", 1, "retrying")),
            ARRIVALS,
            "delivered 2/3, verified 3/3, in order 2/2 parcels",
            "Not delivered: B2 #1 transit (retrying).",
        ),
        (
            DELIVERIES,
            (ARRIVALS[0], ARRIVALS[2]),
            "delivered 3/3, verified 2/3, in order 1/2 parcels",
            "Not verified by the shop: B2 #1 transit.",
        ),
        (
            DELIVERIES,
            ARRIVALS[:2],
            "delivered 3/3, verified 2/3, in order 1/2 parcels",
            "Not in order, or not up to the end: A1.",
        ),
        (
            DELIVERIES[:2],
            ARRIVALS,
            "delivered 2/2, verified 2/2, in order 1/2 parcels",
            "The carriers' plan has 3 events, Waypost made 2.",
        ),
        (
            DELIVERIES,
            (*ARRIVALS, Arrival("evt_x", "refused", verified=False, tracking_number=None, sequence=None)),
            "delivered 3/3, verified 3/3, in order 2/2 parcels",
            "The shop refused 1 of 4 webhooks.",
        ),
        ((), (), "delivered 0/0, verified 0/0, in order 0/2 parcels", "Not in order, or not up to the end: A1, B2."),
    ],
)
def test_missing_webhooks_are_named(
    deliveries: Sequence[Delivery], arrivals: Sequence[Arrival], summary: str, missing: str
) -> None:
    verdict = judge(PLAN, deliveries, arrivals)

    assert verdict.summary == summary
    assert missing in verdict.missing


@pytest.mark.parametrize("seconds", ["19", "-20", "20.5", "soon", "86401", "9" * 5000, "\u0662\u0660"])
def test_invalid_seconds_are_rejected_in_one_sentence(tmp_path: Path, seconds: str) -> None:
    ended = run_demo(("-m", "examples.demo"), tmp_path, DEMO_SECONDS=seconds)

    assert ended.returncode == 1
    assert ended.stdout.startswith("DEMO_SECONDS must be a whole number from 20 to 86400, not ")
    assert ended.stdout.count("\n") == 1
    assert ended.stderr == ""
    assert not (tmp_path / ".demo").exists()


def test_the_shortest_demo_leaves_time_to_start() -> None:
    settings = read_settings({"DEMO_SECONDS": "20", "WAYPOST_DEMO_PORT": ""})

    assert settings == DemoSettings(seconds=20, port=None)
    assert settings.route_seconds < 20


@pytest.mark.parametrize("seconds", [20, None, 600])
def test_a_parcel_in_transit_is_polled_sixty_times(seconds: int | None) -> None:
    settings = DemoSettings(seconds=seconds, port=None)

    assert settings.route_seconds / (4 * 3600 / settings.poll_speed) == pytest.approx(60)


def test_a_port_in_use_is_reported_with_an_alternative() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(DemoFailed, match=r"WAYPOST_DEMO_PORT=\d+\.$"):
        chosen_port(other.getsockname()[1])


def test_a_free_port_can_be_chosen() -> None:
    port = free_port()

    assert chosen_port(port) == port


def test_if_waypost_exits_its_last_lines_are_shown_and_nothing_is_left(tmp_path: Path) -> None:
    ended = demo_with("import sys; print('a long story'); sys.exit('no \\x1b[31mdisk')", tmp_path)

    assert ended.returncode == 1
    assert "Waypost ended with code 1." in ended.stdout
    assert "a long story" in ended.stdout
    assert "no ?[31mdisk" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert living(tmp_path) == []


def test_settings_of_a_real_waypost_do_not_affect_the_demo(tmp_path: Path) -> None:
    tell = "import os, sys; sys.exit(' '.join(sorted(name for name in os.environ if name.startswith('WAYPOST_'))))"

    ended = demo_with(tell, tmp_path, WAYPOST_DATABASE_URL="postgresql://real", WAYPOST_PG_BIN="/pg")

    assert "WAYPOST_PG_BIN" in ended.stdout
    assert "WAYPOST_POLL_SPEED" in ended.stdout
    assert "WAYPOST_DATABASE_URL" not in ended.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_demo_and_all_its_programs(tmp_path: Path, number: signal.Signals) -> None:
    # In Waypost's place: sends the signal to the demo as soon as it is up, and waits for its own end.
    ended = demo_with(f"import os, signal; os.kill(os.getppid(), {int(number)}); signal.pause()", tmp_path)

    assert ended.returncode == 128 + number
    assert "Stopped before all parcels were there." in ended.stdout
    assert ended.stderr == ""
    assert living(tmp_path) == []


def test_a_program_that_ignores_signals_is_killed_with_its_children(tmp_path: Path) -> None:
    held_by_the_grandchild = tmp_path / "fifo"
    os.mkfifo(held_by_the_grandchild)
    grandchild = f"import signal; end = open({str(held_by_the_grandchild)!r}, 'w'); signal.pause()"
    stubborn = (
        "import signal, subprocess, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"subprocess.Popen([sys.executable, '-c', {grandchild!r}])\n"
        "signal.pause()\n"
    )

    with held_folder(tmp_path / ".demo") as lock, Children(tmp_path / ".demo", lock, end_seconds=0.2) as children:
        child = children.start("Stubborn", (sys.executable, "-c", stubborn), os.environ)
        end = held_by_the_grandchild.open("rb", buffering=0)  # returns once the grandchild has opened the other end
        assert child.process.poll() is None

    with end:
        assert select.select([end], [], [], 60)[0] == [end]
        assert end.read() == b""  # nobody holds the other end any more
    assert child.process.returncode == -signal.SIGKILL


def test_a_program_that_exited_is_noticed(tmp_path: Path) -> None:
    with held_folder(tmp_path / ".demo") as lock, Children(tmp_path / ".demo", lock) as children:
        children.start("Brief", (sys.executable, "-c", "print('bye')"), os.environ).process.wait()

        with pytest.raises(ChildEnded, match=r"(?s)Brief ended with code 0\..*bye"):
            children.check()


def test_emptying_the_folder_does_not_follow_links(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    folder = tmp_path / ".demo"
    (folder / "old").mkdir(parents=True)
    (folder / "old" / "file").touch()
    (folder / "link").symlink_to(kept)

    with held_folder(folder):
        assert list(folder.iterdir()) == []

    assert (kept / "file").exists()


def test_a_folder_that_is_a_symlink_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / ".demo").symlink_to(tmp_path)

    with pytest.raises(DemoFailed, match="remove the link"), held_folder(tmp_path / ".demo"):
        pass


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with held_folder(tmp_path / ".demo"):
        (tmp_path / ".demo" / "database").touch()

        ended = run_demo(("-m", "examples.demo"), tmp_path)

        assert ended.returncode == 1
        assert ended.stdout.startswith("Another demo runs in ")
        assert (tmp_path / ".demo" / "database").exists()


def test_the_demo_delivers_everything_verified_and_in_order_and_leaves_nothing_running(tmp_path: Path) -> None:
    ended = run_demo(("-m", "examples.demo"), tmp_path, DEMO_SECONDS="20")

    assert ended.returncode == 0, ended.stdout
    assert ended.stderr == ""
    assert "\x1b" not in ended.stdout
    last = re.fullmatch(r"delivered (\d+)/\1, verified \1/\1, in order (\d+)/\2 parcels", ended.stdout.splitlines()[-1])
    assert last is not None
    assert int(last[1]) > 2 * int(last[2])
    assert len(re.findall(r"/webhooks/waypost  200 in \d+ ms(?:, try \d+)?, verified\n", ended.stdout)) == int(last[1])
    assert living(tmp_path) == []
