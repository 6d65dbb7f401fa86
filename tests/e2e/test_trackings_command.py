"""`waypost trackings` beside a running server."""

import io
import json
import os
import pty
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from examples.demo.site import Site
from tests.support.commands import call_waypost
from tests.support.serving import READY_SECONDS, WAYPOST, Serving, environment, run_waypost

Run = Callable[..., subprocess.CompletedProcess[str]]
EMAIL = "parcels@example.com"
ACCOUNT = ("--account", EMAIL)


@pytest.fixture(scope="module")
def server(shared_server: Serving) -> Serving:
    return shared_server


@pytest.fixture(scope="module")
def shop(server: Serving) -> Site:
    return server.account(EMAIL)


@pytest.fixture(autouse=True)
def _there_is_an_account(shop: Site) -> None:
    assert shop


def ask(server: Serving, *words: str, run: Run = call_waypost) -> tuple[int, str, str]:
    ran = run("trackings", *words, *ACCOUNT, "--data-dir", str(server.data_dir))
    return ran.returncode, ran.stdout, ran.stderr


def test_parcels_can_be_imported_and_exported(server: Serving, tmp_path: Path) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_bytes(b"\xef\xbb\xbftracking_number;courier_code;title\r\nA1;dhl;Mug\r\nA2;ups;\r\n?;ups;\r\n")

    refused = ask(server, "import", str(file))
    skipped = ask(server, "import", str(file), "--skip-errors", "--json", run=run_waypost)
    exported = ask(server, "export", "--out", str(out), run=run_waypost)
    again = ask(server, "import", str(out))

    assert (refused[0], refused[1]) == (1, "")
    assert "line 4: tracking_number: " in refused[2]
    assert "1 of 3 rows are invalid; nothing was imported" in refused[2]
    told = json.loads(skipped[1])
    assert (skipped[0], told["created"], told["mistaken"], told["imported"]) == (0, 2, 1, True)
    assert (exported[0], set(tmp_path.iterdir())) == (0, {file, out})
    first, *others = [line.split(",")[0] for line in out.read_text("utf-8-sig").splitlines()]
    assert (first, sorted(others)) == ("tracking_number", ["A1", "A2"])
    assert (again[0], again[1]) == (0, "0 registered, 2 there already.\n")
    file.write_text("tracking_number,courier_code\nA1,fedex\n")
    shared = ask(server, "import", str(file))
    assert (shared[1], shared[2].strip()) == ("1 registered, 0 there already.\n", "A1 (fedex) is also tracked with dhl")


def test_the_columns_of_a_shops_own_export_are_named_on_the_command_line(server: Serving, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text("Order;Tracking No.;Carrier;title\n7;M1;DHL Express;Mug\n8;?;ups;Cup\n")
    columns = ("--map", "tracking_number=tracking no.", "--map", "courier_code=Carrier", "--map", "order_number=Order")

    unmapped = ask(server, "import", str(file))
    refused = ask(server, "import", str(file), *columns)
    wrong = ask(server, "import", str(file), "--map", "tracking_number=Number")
    unknown = ask(server, "import", str(file), "--map", "colour=Order")
    done = ask(server, "import", str(file), *columns, "--skip-errors")

    assert "line 1: tracking_number: is missing from the first line" in unmapped[2]
    assert "line 3: Tracking No.: " in refused[2]
    assert "names the column Number, but the file has Order, Tracking No., Carrier, title" in wrong[2]
    assert "must be FIELD=HEADING" in unknown[2]
    assert [ran[0] for ran in (unmapped, refused, wrong, unknown, done)] == [1, 1, 1, 1, 0]
    assert done[1] == "1 registered, 0 there already, 1 skipped.\n"


def test_an_export_hides_control_characters_on_a_terminal_but_not_in_a_file(server: Serving, shop: Site) -> None:
    steering = "Mug\x1b]0;owned\x07\u202e"
    update = {"tracking_number": "B1", "courier_code": "dhl", "create": True, "title": steering}
    assert shop.post("/v1/updates", {"updates": [update]})["results"]
    shown, terminal = pty.openpty()

    with os.fdopen(shown, "rb", buffering=0) as seen:
        exporting = subprocess.Popen(
            (*WAYPOST, "trackings", "export", *ACCOUNT, "--data-dir", str(server.data_dir)),
            env=environment(),
            stdout=terminal,
        )
        os.close(terminal)
        text = b"".join(iter(partial(read_some, seen), b"")).decode()
        assert exporting.wait(READY_SECONDS) == 0
    piped = ask(server, "export")[1]

    assert "Mug\ufffd]0;owned\ufffd\ufffd" in text
    assert set(text) & {"\x1b", "\x07", "\u202e", "\ufeff"} == set()
    assert steering in piped


def read_some(terminal: io.FileIO) -> bytes:
    """Return what a terminal shows; empty at its end, which Linux reports as an error."""
    try:
        return terminal.read(65_536) or b""
    except OSError:
        return b""


def test_reread_counts_first_and_asks_before_it_changes_anything(server: Serving) -> None:
    counted = ask(server, "reread", "--dry-run", "--json", run=run_waypost)
    changed = ask(server, "reread", "--yes")

    count = json.loads(counted[1])
    assert (counted[0], count["parcels_changed"], count["done"]) == (0, 0, False)
    assert (changed[0], changed[1]) == (
        0,
        f"0 of {count['parcels']} parcels would change: 0 checkpoints, 0 statuses.\n",
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("import", "/nowhere/in.csv"), "file: can't be read"),
        (("export", "--out", "/nowhere/out.csv"), "out: can't be written"),
    ],
)
def test_a_missing_file_is_named(words: tuple[str, ...], why: str, tmp_path: Path) -> None:
    ended = call_waypost("trackings", *words, *ACCOUNT, "--data-dir", str(tmp_path))

    assert (ended.returncode, why in ended.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_the_data_of_a_customer_can_be_erased(server: Serving, shop: Site) -> None:
    told = {"tracking_number": "E1", "courier_code": "dhl", "create": True, "customer_email": "kim@example.test"}
    shop.post("/v1/updates", {"updates": [told]})

    erased = ask(server, "erase", "--customer", "Kim@example.test")
    again = ask(server, "erase", "--number", "e1", "--json")
    refused = ask(server, "erase")

    assert erased[:2] == (0, "Erased from 1 parcel.\n")
    assert (again[0], json.loads(again[1])) == (0, {"parcels": 0})
    assert refused[0] == 1
    assert "is required, or --number" in refused[2]
