"""The bridge to karrio, with a stand-in for karrio: whatever it or a carrier does ends in one sentence, in time."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.certificates import serve_self_signed
from tests.support.hostile import endless, then_close
from tests.support.karrio import STAND_IN, WITHOUT_KARRIO, bridging, to_loopback
from tests.support.receiver import HANG, HANGS_AFTER_SECONDS, always, answering, receiving
from waypost.domain.carriers import CarrierError, CarrierLimited, CarrierRefused, CarrierUnavailable
from waypost.domain.ip_addresses import IPAddress
from waypost.domain.statuses import Status
from waypost.domain.targets import EVERY_PORT, Target, parse_target
from waypost.domain.trackings import Update
from waypost.sources import polled
from waypost.sources.couriers.table import couriers
from waypost.sources.http import FencedHttp
from waypost.sources.karrio.bridge import Bridge, BridgedSource
from waypost.sources.karrio.processes import Question
from waypost.sources.karrio.table import BridgedCarrier, bridged

NUMBER = "A1"
SCAN = {
    "date": "2026-07-18",
    "time": "01:05 PM",
    "timestamp": "2026-07-18T13:05:00.000Z",
    "code": "30",
    "description": "Uitgereikt",
    "location": "Gent",
    "status": "delivered",
}
FOUND = json.dumps(
    {"details": [{"tracking_number": NUMBER, "events": [SCAN], "info": {"signed_by": "Peeters"}}]}
).encode()
OK = answering(200, body=FOUND)


def roadie() -> BridgedCarrier:
    return next(one for one in bridged() if one.extension == "roadie")


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    async with bridging() as (bridge, _):
        yield bridge


def source(bridge: Bridge, url: str) -> BridgedSource:
    return bridge.open(roadie(), {"api_key": url})


async def failure(one: BridgedSource, number: str = NUMBER) -> CarrierError:
    with pytest.raises(CarrierError) as caught:
        await one.poll(number, {})
    return caught.value


async def test_karrio_makes_its_requests_through_waypost(bridge: Bridge) -> None:
    async with receiving(always(OK)) as carrier:
        update: Update = await source(bridge, carrier.url).poll(NUMBER, {})

    (request,) = carrier.requests
    (scan,) = update.checkpoints
    assert (request.method, request.body, request.headers["x-key"]) == ("POST", b"A1", "k")
    assert request.headers["user-agent"] == "Waypost/0"
    assert (scan.checkpoint_date, scan.offset_minutes, scan.location) == ("2026-07-18T13:05:00", 0, "Gent")
    assert (scan.checkpoint_delivery_status, scan.raw_status) == (Status.DELIVERED, "30")
    assert update.facts == {"signed_by": "Peeters"}


async def test_one_process_answers_one_question_after_the_other() -> None:
    async with receiving(always(OK)) as carrier, bridging() as (own, processes):
        one = source(own, carrier.url)
        for _ in range(3):
            await one.poll(NUMBER, {})
            assert len(processes.pids) == 1
        first = processes.pids
        await failure(one, "CRASH")
        await one.poll(NUMBER, {})

        assert processes.pids != first
        assert len(carrier.requests) == 4


async def test_what_a_carrier_answers_is_its_error(bridge: Bridge) -> None:
    said = {
        429: (CarrierLimited, "the carrier has been asked too often (429)"),
        401: (CarrierRefused, "the carrier does not accept the key (401)"),
        403: (CarrierRefused, "the carrier does not accept the key (403)"),
        503: (CarrierUnavailable, "the carrier answered 503"),
        302: (CarrierUnavailable, "the carrier answered 302"),
    }
    for status, (kind, sentence) in said.items():
        script = always(answering(status, "retry-after: 7", "location: http://127.0.0.1:1/", body=b"{}"))
        async with receiving(script) as carrier:
            error = await failure(source(bridge, carrier.url))
        assert (type(error), str(error)) == (kind, sentence)
        if isinstance(error, CarrierLimited):
            assert error.retry_after_seconds == 7


async def test_a_404_or_the_carriers_words_mean_an_unknown_number(bridge: Bridge) -> None:
    async with receiving(always(answering(404, body=b"{}"))) as carrier:
        assert (await source(bridge, carrier.url).poll(NUMBER, {})).unknown_number
    words = json.dumps({"details": [], "messages": [{"message": "Shipment A1 could not be found"}]}).encode()
    async with receiving(always(answering(200, body=words))) as carrier:
        assert (await source(bridge, carrier.url).poll(NUMBER, {})).unknown_number


async def test_a_rejection_inside_a_success_is_a_rejection(bridge: Bridge) -> None:
    words = json.dumps({"details": [], "messages": [{"message": "Login failed: wrong password"}]}).encode()
    async with receiving(always(answering(200, body=words))) as carrier:
        error = await failure(source(bridge, carrier.url))

    assert isinstance(error, CarrierRefused)
    assert error.body == b'{"message":"Login failed: wrong password"}'


async def test_a_rejected_token_is_renewed_once(bridge: Bridge) -> None:
    script = lambda number: OK if number in (1, 3) else answering(401)  # noqa: E731 - a table of three answers
    async with receiving(script) as carrier:
        one = source(bridge, carrier.url)
        await one.poll(NUMBER, {})
        await one.poll(NUMBER, {})
        error = await failure(one)

    assert isinstance(error, CarrierRefused)
    assert len(carrier.requests) == 5
    assert one.extra_calls == 2


async def test_a_silent_carrier_costs_the_time_limit_only() -> None:
    async with receiving(always(HANG)) as carrier, bridging(ask_seconds=0.3) as (bridge, processes):
        error = await failure(source(bridge, carrier.url))
        assert str(error) == "no response in time"
        assert len(processes.pids) == 1  # only the request was given up


async def test_an_endless_body_is_cut() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    async with receiving(always(endless(head, b"x" * 65_536))) as carrier, bridging() as (bridge, _):
        error = await failure(source(bridge, carrier.url))
    assert str(error) == "the response is longer than 1,048,576 bytes"


async def test_the_status_decides_even_if_the_body_is_cut_short() -> None:
    cut = then_close(b"HTTP/1.1 429 X\r\nretry-after: 7\r\ncontent-length: 5000\r\n\r\n{")
    async with receiving(always(cut)) as carrier:
        http = FencedHttp(to_loopback, user_agent="Waypost/0")
        answer = await http.send("GET", carrier.url, (), b"", seconds=HANGS_AFTER_SECONDS)
        await http.close()

    assert (answer.status, answer.header("retry-after")) == (429, "7")


async def test_a_certificate_that_signs_itself_is_refused(bridge: Bridge) -> None:
    """Although karrio, when it is imported, switches the checks of certificates off."""
    context, _ = serve_self_signed("carrier.test")
    async with receiving(always(OK), tls=context) as carrier:
        error = await failure(source(bridge, f"https://carrier.test:{carrier.port}/"))

    assert str(error).startswith("no response: invalid peer certificate")
    assert carrier.requests == []


async def test_a_key_never_leaves_this_machine_without_tls() -> None:
    async def elsewhere(url: str) -> tuple[Target, Sequence[IPAddress]]:
        return parse_target(url, ports=EVERY_PORT), [ip_address("192.0.2.1")]

    http = FencedHttp(elsewhere, user_agent="Waypost/0")
    with pytest.raises(CarrierUnavailable, match="begins with http://, so the key could be read"):
        await http.send("GET", "http://carrier.test/", (), b"", seconds=5)


async def test_whatever_karrio_does_is_one_sentence(bridge: Bridge) -> None:
    one = source(bridge, "http://127.0.0.1:1/")
    sentences = {
        number: str(await failure(one, number))
        for number in ("NOTHING", "RAISE", "MEMORY", "CONNECT", "RUN", "FILE", "CALLS", "CRASH")
    }

    assert sentences == {
        "NOTHING": "karrio found no parcel in the response",
        "RAISE": "karrio failed to read the response (ZeroDivisionError)",
        "MEMORY": "karrio failed to read the response (MemoryError)",
        "CONNECT": "karrio failed to read the response (PermissionError)",
        "RUN": "karrio failed to read the response (PermissionError)",
        "FILE": "karrio failed to read the response (OSError)",
        "CALLS": "karrio wanted to make more than 16 requests for one parcel",
        "CRASH": "karrio's process ended unexpectedly (by signal 11)",
    }


async def test_a_carrier_without_its_package_is_named_and_no_test_of_credentials_accepts_it(bridge: Bridge) -> None:
    with pytest.raises(CarrierUnavailable, match=r"^karrio can't open it: is the package karrio-roadie installed\?$"):
        await source(bridge, "no such extension").probe()


async def test_a_process_that_ended_while_it_was_idle_is_not_asked() -> None:
    async with receiving(always(OK)) as carrier, bridging() as (bridge, processes):
        one = source(bridge, carrier.url)
        await one.poll(NUMBER, {})
        (pid,) = processes.pids
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while processes._idle[0].runs:  # noqa: ASYNC110 - nothing announces its end
                await asyncio.sleep(0)
        await one.poll(NUMBER, {})

        assert processes.pids != [pid]


async def test_a_process_without_memory_is_replaced() -> None:
    async with bridging() as (bridge, processes):
        one = source(bridge, "http://127.0.0.1:1/")
        await failure(one, "NOTHING")
        assert len(processes.pids) == 1
        await failure(one, "MEMORY")
        assert processes.pids == []


async def test_what_karrio_says_is_cut_to_what_a_parcel_can_have(bridge: Bridge) -> None:
    update = await source(bridge, "http://127.0.0.1:1/").poll("TALK", {})
    assert len(update.skipped) == 1_000


async def test_a_process_that_does_not_end_is_killed() -> None:
    async with bridging(ask_seconds=0.1, slack_seconds=0) as (bridge, processes):
        error = await failure(source(bridge, "http://127.0.0.1:1/"), "SPIN")
        assert str(error) == "karrio did not finish within 0.1 s, and its process was ended"
        assert processes.pids == []


async def test_the_process_sees_an_empty_folder_and_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPOST_SECRET_KEY", "not for karrio")
    async with bridging() as (bridge, _):
        asking = await bridge.ask(question("LOOK"), uuid4())
        seen = json.loads(asking.told.details[0].tracking_number or "")

    assert seen["folder"] == []
    assert set(seen["environment"]) <= {"HOME", "LC_ALL", "PATH", "TZ", "LC_CTYPE"}
    assert "" not in seen["path"]
    assert "api_key" not in " ".join(seen["arguments"])


async def test_no_process_outlives_the_bridge() -> None:
    async with bridging() as (bridge, processes):
        await bridge.ask(question("THREAD"), uuid4())
        (pid,) = processes.pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("worker", "python", "sentence"),
    [
        (WITHOUT_KARRIO, sys.executable, "karrio can't be imported by WAYPOST_KARRIO_PYTHON: ModuleNotFoundError"),
        (STAND_IN, "/nowhere/python", "WAYPOST_KARRIO_PYTHON can't be run: No such file or directory"),
        (STAND_IN, "/bin/true", "karrio's process ended unexpectedly (with status 0)"),
        (STAND_IN, "/bin/echo", "karrio's process wrote what is not understood"),
    ],
)
async def test_an_environment_that_does_not_work_is_started_once_a_minute(
    worker: Path, python: str, sentence: str
) -> None:
    async with bridging(worker, python=python) as (bridge, processes):
        first = await failure(source(bridge, "http://127.0.0.1:1/"))
        await asyncio.gather(*(failure(source(bridge, "http://127.0.0.1:1/")) for _ in range(20)))

        assert str(first).startswith(sentence)
        assert processes.starts == 1


async def test_an_account_with_a_hanging_carrier_leaves_a_process_to_the_others() -> None:
    async with receiving(always(HANG)) as silent, receiving(always(OK)) as quick, bridging() as (bridge, _):
        greedy, other = uuid4(), uuid4()
        hanging = bridge.open(roadie(), {"api_key": silent.url}, account=greedy)
        asked = [asyncio.create_task(hanging.poll(NUMBER, {})) for _ in range(8)]
        await silent.received(1)

        update = await bridge.open(roadie(), {"api_key": quick.url}, account=other).poll(NUMBER, {})

        assert len(update.checkpoints) == 1
        assert len(silent.requests) == 1
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def test_a_number_that_nobody_has_is_a_good_test_of_credentials(bridge: Bridge) -> None:
    async with receiving(always(answering(400, body=b"no"))) as carrier:
        await source(bridge, carrier.url).probe()
    async with receiving(always(answering(401))) as carrier:
        with pytest.raises(CarrierRefused):
            await source(bridge, carrier.url).probe()


def question(number: str) -> Question:
    return Question("roadie", number, {"api_key": "http://127.0.0.1:1/"})


def test_every_carrier_of_the_bridge_has_couriers_that_no_other_table_lacks() -> None:
    assert len(bridged()) == 24
    for carrier in bridged():
        assert carrier.courier_codes <= couriers().keys(), carrier.name
        assert polled.find(carrier.name) is carrier
        assert any(field.required for field in carrier.fields)
