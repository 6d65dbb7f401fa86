"""Reading reports takes turns with other work of the event loop."""

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest

from tests.support.rounds import looks_per_slice
from waypost.api.problems import Problem
from waypost.api.v1 import reports
from waypost.api.v1.reports import (
    MOST_CHECKPOINTS,
    MOST_ERRORS,
    QUICKLY_CHECKED,
    QUICKLY_DECODED,
    read_reports,
)

ACCOUNT = UUID(int=1)


def uncounted(_scans: int) -> None:
    pass


def body(updates: int, scans: int, detail: str = "Departed", **facts: Any) -> bytes:
    times = [f"2026-03-02T08:{number // 60:02}:{number % 60:02}" for number in range(scans)]
    reported = [{"checkpoint_date": time, "tracking_detail": detail} for time in times]
    told = {"courier_code": "dhl", "checkpoints": reported} | facts
    return json.dumps({"updates": [{"tracking_number": f"A{number}"} | told for number in range(updates)]}).encode()


async def test_a_large_report_yields_after_every_few_scans() -> None:
    with looks_per_slice(10) as waits:
        reports = await read_reports(body(10, MOST_CHECKPOINTS), ACCOUNT, uncounted)

    assert sum(len(one.update.checkpoints) for one in reports) == 10 * MOST_CHECKPOINTS
    assert waits.count >= 10 * MOST_CHECKPOINTS / QUICKLY_CHECKED / 12


async def test_updates_without_scans_are_read_in_slices_too() -> None:
    with looks_per_slice(10) as waits:
        await read_reports(body(1_000, 0, title="x" * 100), ACCOUNT, uncounted)

    assert waits.count >= 1_000 / 12


async def test_the_search_for_nul_characters_is_sliced() -> None:
    with looks_per_slice(10) as waits, pytest.raises(Problem) as refused:
        await read_reports(body(900, 1)[:-2] + b"," + body(1, 1, "a\0b")[13:], ACCOUNT, uncounted)

    assert refused.value.errors[0].field == "updates[900].checkpoints[0].tracking_detail"
    assert waits.count >= 900 / 12


async def test_halves_of_surrogate_pairs_are_searched_for_in_slices() -> None:
    large = body(100, MOST_CHECKPOINTS, "\ud83c" * 10 + "\\")

    with looks_per_slice(1) as waits, pytest.raises(Problem) as refused:
        await read_reports(large, ACCOUNT, uncounted)

    assert refused.value.errors[0].field == "updates[0].checkpoints[0].tracking_detail"
    assert waits.count >= large.count(b"\\") / 2_100


@pytest.mark.parametrize("padding", ["", "x" * QUICKLY_DECODED])
async def test_errors_of_scans_and_of_updates_are_named_by_their_fields(padding: str) -> None:
    said = json.loads(body(3, 2, title=padding[:400]))
    said["updates"][0]["checkpoints"][1]["tracking_detail"] = 1
    said["updates"][1]["checkpoints"] = None
    said["updates"][2]["courier_code"] = "no such courier"

    with pytest.raises(Problem) as refused:
        await read_reports(json.dumps(said).encode() + b" " * len(padding), ACCOUNT, uncounted)

    assert [(error.field, error.message) for error in refused.value.errors][:2] == [
        ("updates[0].checkpoints[1].tracking_detail", "must be text, not a whole number"),
        ("updates[1].checkpoints", "must be a list, not null"),
    ]
    assert refused.value.errors[2].field == "updates[2].courier_code"


async def test_a_large_body_that_is_not_json_is_rejected() -> None:
    for wrong in (b"{" + b" " * QUICKLY_DECODED, body(900, 1)[:-3], body(900, 1, "!").replace(b"!", b"\xff")):
        with pytest.raises(Problem) as refused:
            await read_reports(wrong, ACCOUNT, uncounted)

        assert refused.value.code == "malformed_json"


async def test_reading_stops_once_the_maximum_number_of_errors_is_found() -> None:
    with looks_per_slice(1) as waits, pytest.raises(Problem) as refused:
        await read_reports(body(1_000, 1, " "), ACCOUNT, uncounted)

    assert len(refused.value.errors) == MOST_ERRORS
    assert waits.count <= 4 * MOST_ERRORS


async def test_rejected_scans_count_and_an_update_without_scans_counts_as_one() -> None:
    counted: list[int] = []

    await read_reports(body(3, 5), ACCOUNT, counted.append)
    await read_reports(body(3, 0), ACCOUNT, counted.append)
    with pytest.raises(Problem):
        await read_reports(body(3, 5, " "), ACCOUNT, counted.append)

    assert counted == [15, 3, 15]


@pytest.mark.parametrize(
    "scan",
    [
        {"checkpoint_date": "2026-03-02", "tracking_detail": "Departed"},
        {"checkpoint_date": "2026-03-02T08:00:00+01:00", "tracking_detail": "  x  ", "location": "", "city": "Bremen"},
        {"checkpoint_delivery_status": "transit", "country_iso2": "DE", "zip": "z" * 200, "raw_status": None},
        {"checkpoint_delivery_status": "", "checkpoint_delivery_substatus": "", "country_iso2": ""},
        {"checkpoint_delivery_substatus": "pickup002", "state": "Sachsen"},
        {"checkpoint_delivery_status": "pickup", "checkpoint_delivery_substatus": "pickup002"},
        {"tracking_detail": " " * 900 + "Departed" + " " * 900},
        {"tracking_detail": " "},
        {"checkpoint_date": "yesterday"},
        {"checkpoint_delivery_status": "transit", "checkpoint_delivery_substatus": "pickup002"},
        {"checkpoint_delivery_status": "Transit"},
        {"checkpoint_delivery_substatus": "pickup999"},
        {"country_iso2": "DE\n"},
        {"country_iso2": "De"},
        {"location": "x" * 201},
        {"tracking_detail": "x" * 1_001},
        {"location": 1},
        {"unheard_of": "x"},
    ],
)
async def test_a_closer_look_finds_the_same_as_the_quick_one(
    monkeypatch: pytest.MonkeyPatch, scan: dict[str, Any]
) -> None:
    whole = {"checkpoint_date": "2026-03-02T08:00:00", "tracking_detail": "Departed"} | scan
    said = json.dumps({"updates": [{"tracking_number": "A1", "courier_code": "dhl", "checkpoints": [whole]}]}).encode()

    async def read() -> Any:
        try:
            return await read_reports(said, ACCOUNT, uncounted)
        except Problem as problem:
            return problem.errors

    quickly = await read()
    monkeypatch.setattr(reports, "_PLAIN", msgspec.json.Decoder(list[None]))

    assert await read() == quickly
