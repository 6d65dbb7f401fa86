"""The bridge with karrio itself, in the environment that ``make karrio`` creates."""

import asyncio
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.contract.test_karrio_reading import DPD
from waypost.domain.carriers import CarrierError
from waypost.sources.karrio.processes import KarrioCall, KarrioProcesses, Question, Response, Told
from waypost.sources.karrio.read import read_told
from waypost.sources.karrio.table import BridgedCarrier, bridged

PYTHON = Path(__file__).resolve().parents[2] / "build" / "karrio" / "bin" / "python"
DESCRIBE = Path(__file__).resolve().parents[1] / "support" / "karrio" / "describe.py"
NOT_THERE = 404

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not PYTHON.exists(), reason="`make karrio` has not been run"),
]

TOKENS = {"access_token": "t", "token": "t", "expires_in": 3600, "token_type": "Bearer", "id_token": "t"}


def credentials(carrier: BridgedCarrier) -> dict[str, str]:
    return carrier.check({field.name: "x" for field in carrier.fields if field.required})


async def ask(
    processes: KarrioProcesses, carrier: BridgedCarrier, answers: Mapping[str, bytes], number: str = "123456"
) -> tuple[Told, list[KarrioCall], list[tuple[int, bytes]]]:
    """Ask karrio; a request whose URL contains a key is answered with its bytes, others with 404."""
    calls: list[KarrioCall] = []
    given: list[tuple[int, bytes]] = []

    async def fetch(call: KarrioCall) -> Response:
        calls.append(call)
        body = next((body for part, body in answers.items() if part in call.url), None)
        given.append((NOT_THERE, b"") if body is None else (200, body))
        return Response(call.call, given[-1][0], body=given[-1][1])

    question = Question(carrier.extension, number, credentials(carrier))
    return await processes.ask(question, fetch, seconds=60), calls, given


def find(extension: str) -> BridgedCarrier:
    return next(one for one in bridged() if one.extension == extension)


def test_the_fields_are_those_of_karrios_settings() -> None:
    ran = subprocess.run((PYTHON, "-I", "-B", DESCRIBE), capture_output=True, check=True)
    described = json.loads(ran.stdout)
    for carrier in bridged():
        known = described[carrier.extension]
        assert known["tracks"], carrier.name
        assert {field.name for field in carrier.fields} <= {*known["required"], *known["optional"]}, carrier.name
        assert {*known["required"]} <= {field.name for field in carrier.fields if field.required}, carrier.name


async def test_every_carrier_is_asked_over_tls_and_by_waypost_only() -> None:
    processes = KarrioProcesses(PYTHON)
    try:
        for carrier in bridged():
            told, calls, answers = await ask(processes, carrier, {"oken": json.dumps(TOKENS).encode()})
            assert calls, (carrier.name, told)
            assert all(call.url.startswith("https://") for call in calls), (carrier.name, calls)
            assert "PermissionError" not in (told.raised or ""), (carrier.name, told)
            try:
                update = read_told(carrier.extension, "123456", told, answers)
            except CarrierError:
                continue
            assert update.checkpoints == (), carrier.name
    finally:
        await processes.close()


DPD_LOGIN = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<getAuthResponse xmlns="http://dpd.com/y"><return><delisId>x</delisId><customerUid>x</customerUid>
<authToken>t</authToken><depot>0530</depot></return></getAuthResponse></s:Body></s:Envelope>"""

BPOST = b"""<?xml version="1.0" encoding="UTF-8"?>
<itemTracking xmlns="http://schema.post.be/tracking/v1/"><itemCode>123456</itemCode>
<stateInfo><time>2026-07-18T13:05:42+02:00</time><stateCode>02</stateCode>
<stateDescription>Item distributed by courier</stateDescription></stateInfo></itemTracking>"""


async def test_the_offset_that_karrio_drops_is_found_in_bposts_answer() -> None:
    processes = KarrioProcesses(PYTHON)
    try:
        told, _, answers = await ask(processes, find("bpost"), {"trackedmail": BPOST})
    finally:
        await processes.close()
    (scan,) = read_told("bpost", "123456", told, answers).checkpoints

    assert (told.details[0].events[0].time, scan.checkpoint_date, scan.offset_minutes) == (
        "13:05 PM",
        "2026-07-18T13:05:42",
        120,
    )


async def test_dpds_own_answer_is_read_where_karrio_fails() -> None:
    processes = KarrioProcesses(PYTHON)
    try:
        told, calls, answers = await ask(processes, find("dpd"), {"LoginService": DPD_LOGIN, "LifeCycle": DPD})
    finally:
        await processes.close()
    update = read_told("dpd", "123456", told, answers)

    assert [call.url.split("/")[-2] for call in calls] == ["LoginService", "ParcelLifeCycleService"]
    assert told.details == ()  # karrio fails at the station without a place
    assert [(scan.checkpoint_date, scan.checkpoint_delivery_substatus) for scan in update.checkpoints] == [
        ("2026-07-17T23:00:00", "inforeceived001"),
        ("2026-07-18T13:05:09", "pickup001"),
    ]


async def test_several_questions_in_turn_and_at_once_get_their_own_answers() -> None:
    processes = KarrioProcesses(PYTHON)
    try:
        asked = [ask(processes, find("bpost"), {"trackedmail": BPOST.replace(b"42", b"%d" % n)}) for n in (10, 20, 30)]
        seconds = [answers[-1][1].count(b":10+") for _, _, answers in await asyncio.gather(*asked)]
        assert seconds == [1, 0, 0]
        told, _, _ = await ask(processes, find("bpost"), {"trackedmail": BPOST})
        assert len(told.details) == 1
    finally:
        await processes.close()
