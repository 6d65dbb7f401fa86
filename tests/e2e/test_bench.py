"""`make bench` at its smallest: it completes, and its counts add up."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.embedded import open_place

ROOT = Path(__file__).parents[2]

SMALLEST = "--no-keep --rounds 1 --parcels 20 --per-request 5 --seconds 1 --rates 20"
COUNTED = re.compile(r"^  (received|settled as delivered|attempts recorded) +(\d+)$", re.MULTILINE)


@pytest.mark.parametrize(
    "parts",
    [
        "--no-warm-up --parts whole",
        pytest.param("--parts accept whole start idle rates", marks=pytest.mark.faults),
    ],
)
def test_the_benchmark_delivers_what_it_reports(parts: str) -> None:
    with open_place() as place:
        ended = subprocess.run(
            (sys.executable, "-m", "benchmarks", *SMALLEST.split(), *parts.split(), "--folder", str(place)),
            check=False,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
            capture_output=True,
            text=True,
            timeout=240,
        )

    assert ended.returncode == 0, ended.stderr
    counts = dict(COUNTED.findall(ended.stdout))
    assert counts == {"received": "640", "settled as delivered": "640", "attempts recorded": "640"}


def test_stored_results_have_their_date_and_machine() -> None:
    results = [json.loads(file.read_text()) for file in (ROOT / "benchmarks" / "results").glob("*.json")]

    assert results
    assert all(result["at"] and result["machine"]["cpu"] and result["machine"]["cores"] for result in results)
