"""`waypost trackings` beside a running server."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.commands import call_waypost
from tests.support.serving import Serving, run_waypost, serving
from waypost.cli import main

Run = Callable[..., subprocess.CompletedProcess[str]]
ACCOUNT = ("--account", "shop@example.com")


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving() as server:
        server.start()
        server.account()
        yield server


def ask(server: Serving, *words: str, run: Run = call_waypost) -> tuple[int, str, str]:
    ran = run("trackings", *words, *ACCOUNT, "--data-dir", str(server.data_dir))
    return ran.returncode, ran.stdout, ran.stderr


def test_parcels_go_in_and_come_out_again(server: Serving, tmp_path: Path) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_bytes(b"\xef\xbb\xbftracking_number;courier_code;title\r\nA1;dhl;Mug\r\nA2;ups;\r\n?;ups;\r\n")

    refused = ask(server, "import", str(file))
    skipped = ask(server, "import", str(file), "--skip-errors", "--json", run=run_waypost)
    exported = ask(server, "export", "--out", str(out), run=run_waypost)
    again = ask(server, "import", str(out))

    assert (refused[0], refused[1]) == (1, "")
    assert "line 4: tracking_number: " in refused[2]
    assert "1 of 3 rows are wrong; nothing was imported" in refused[2]
    told = json.loads(skipped[1])
    assert (skipped[0], told["created"], told["mistaken"], told["imported"]) == (0, 2, 1, True)
    assert (exported[0], set(tmp_path.iterdir())) == (0, {file, out})
    first, *others = [line.split(",")[0] for line in out.read_text("utf-8-sig").splitlines()]
    assert (first, sorted(others)) == ("tracking_number", ["A1", "A2"])
    assert (again[0], again[1]) == (0, "0 registered, 2 there already.\n")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("import", "/nowhere/in.csv"), "file: can't be read"),
        (("export", "--out", "/nowhere/out.csv"), "out: can't be written"),
    ],
)
def test_a_file_that_is_not_there_is_said(
    words: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = main(["trackings", *words, *ACCOUNT, "--data-dir", str(tmp_path)])

    assert (code, why in capsys.readouterr().err) == (1, True)
    assert list(tmp_path.iterdir()) == []
