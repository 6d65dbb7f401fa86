"""The result of each carrier answer in the shared data; skipped without that data."""

import tomllib
from pathlib import Path

import pytest

from tests.support.carrier_cases import SHARED, read_answer
from waypost.domain.carriers import CarrierError
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.trackings import apply, register
from waypost.sources.carriers import CARRIERS

ANSWERS = "sources/answers"
FOLDERS = {"la-poste": "laposte"}
"""Carriers whose answers are in a folder with another name."""
TOKENS = {"sources/answers/ups/token-200.json"}

Sample = tuple[str, str, int, str, str, int, str, str]
"""File, adapter, HTTP status and number, then the expected substatus, number of scans, first time and last time."""
TABLE = tomllib.loads(Path(__file__).with_name("carrier_samples.toml").read_text("utf-8"))
SAMPLES: list[Sample] = [tuple(one) for one in TABLE["read"]]
REFUSED: list[tuple[str, str, int]] = [tuple(one) for one in TABLE["refused"]]


def sample(path: str) -> bytes:
    file = SHARED / path
    if not file.exists():
        pytest.skip("the shared data is not here")
    return file.read_bytes()


def written(scan: Checkpoint) -> str:
    """Return a scan's time as a carrier writes it."""
    if scan.offset_minutes is None:
        return scan.checkpoint_date
    hours, minutes = divmod(abs(scan.offset_minutes), 60)
    return f"{scan.checkpoint_date}{'-' if scan.offset_minutes < 0 else '+'}{hours:02}:{minutes:02}"


@pytest.mark.parametrize("expected", SAMPLES, ids=lambda one: one[0])
def test_parcels_have_the_samples_status(expected: Sample) -> None:
    path, carrier, status, number, substatus, count, first, last = expected

    update = read_answer(carrier, status, sample(path), number)
    state = apply(register("0" * 32, number, "x", {}, 0), update, 1).state

    times = [written(scan) for scan in state.checkpoints]
    assert (state.substatus, len(times)) == (substatus, count)
    assert (times[0], times[-1]) == (first, last) if times else (first, last) == ("", "")
    assert update.skipped == ()


@pytest.mark.parametrize(("path", "carrier", "status"), REFUSED, ids=str)
def test_an_error_answer_changes_no_parcel(path: str, carrier: str, status: int) -> None:
    with pytest.raises(CarrierError):
        read_answer(carrier, status, sample(path), "1")


def test_every_sample_answer_of_an_adapted_carrier_has_an_expectation() -> None:
    if not SHARED.exists():
        pytest.skip("the shared data is not here")
    found = {
        str(path.relative_to(SHARED))
        for path in (SHARED / ANSWERS).glob("*/*")
        if FOLDERS.get(path.parent.name, path.parent.name.replace("-", "_")) in CARRIERS
    }

    assert found - TOKENS - {one[0] for one in (*SAMPLES, *REFUSED)} == set()
