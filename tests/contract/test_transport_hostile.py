"""Whatever a receiver does, an attempt ends in time, with the right outcome, and its connection is closed (F11)."""

import asyncio
import time
from ipaddress import ip_address

import pytest

from tests.contract.test_transport import LOOPBACK, post, target, trusting
from tests.support import hostile
from tests.support.receiver import HANG, Behaviour, always, answering, receiving
from tests.support.storm import storming
from waypost.dispatch.answers import Answer, Failure
from waypost.dispatch.kept_clients import PinnedTarget
from waypost.dispatch.transport import PyreqwestTransport
from waypost.dispatch.trust import Trust
from waypost.domain.attempts import Cause, Outcome
from waypost.domain.targets import Ports, parse_target

HEAD = b"HTTP/1.1 200 OK\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n"
BOMB = b"content-encoding: gzip\r\n"
MANY = 65_536
HASTY_SECONDS, PATIENT_SECONDS = 1.0, 20.0
STORM = ip_address("127.0.0.3")

Scripts = dict[str, bytes | Behaviour | None]

UNANSWERED: dict[tuple[Outcome, Cause | None], Scripts] = {
    (Outcome.TIMED_OUT, None): {
        "hang": HANG,
        "drip of headers": hostile.dripping(HEAD, b"x: y\r\n"),
        "drip of one header": hostile.dripping(HEAD + b"x: ", b"y"),
        "flood of 100 continue": hostile.endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        "drip of 102 processing": hostile.dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    },
    (Outcome.RESET, None): {
        "drop": None,
        "reset": hostile.then_reset(),
        "reset in the head": hostile.then_reset(HEAD + b"x"),
        "close in the head": hostile.then_close(HEAD + b"x"),
    },
    (Outcome.BAD_RESPONSE, Cause.NOT_HTTP): {
        "HTTP/0.9": hostile.then_close(b"hello\n"),
        "another protocol": hostile.then_close(b"220 mail.test ESMTP\r\n"),
        "HTTP/2": b"HTTP/2 200 OK\r\n\r\n",
    },
    (Outcome.BAD_RESPONSE, Cause.BAD_STATUS): {
        "status 000": b"HTTP/1.1 000 X\r\n\r\n",
        "status 1000": b"HTTP/1.1 1000 X\r\n\r\n",
    },
    (Outcome.BAD_RESPONSE, Cause.BAD_HEADER): {
        "NUL in a header": HEAD + b"a: \x00\r\n\r\n",
        "NUL in a name": HEAD + b"a\x00b: c\r\n\r\n",
    },
    (Outcome.BAD_RESPONSE, Cause.BAD_CONTENT_LENGTH): {
        "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        "negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nab",
    },
    (Outcome.BAD_RESPONSE, Cause.TOO_MANY_HEADERS): {
        "101 headers": answering(200, *(f"x-{number}: y" for number in range(100))),
        "endless headers": hostile.endless_headers,
        "one endless header": hostile.endless(HEAD + b"x: ", b"y" * MANY),
    },
}
ACCEPTED: dict[Cause, Scripts] = {
    Cause.BODY_TIMED_OUT: {
        "drip of a body": hostile.dripping(ENDLESS, b"x"),
        "drip of chunks": hostile.dripping(hostile.CHUNKED, b"1\r\nx\r\n"),
        "less body than promised": b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab",
    },
    Cause.BODY_CUT: {
        "reset in the body": hostile.then_reset(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"),
        "close in the body": hostile.then_close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"),
        "close in a chunk": hostile.then_close(hostile.CHUNKED + b"9\r\nab"),
        "close between chunks": hostile.then_close(hostile.CHUNKED + b"2\r\nab\r\n"),
        "half-close in the body": hostile.then_half_close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"),
    },
    Cause.BODY_MALFORMED: {
        "bad chunk": hostile.CHUNKED + b"zz\r\nab",
        "endless trailers": hostile.endless(hostile.CHUNKED + b"0\r\n", b"x: y\r\n" * 1000),
        "endless chunk extension": hostile.endless(hostile.CHUNKED + b"1;", b"x" * MANY),
    },
    Cause.BODY_TOO_LONG: {
        "endless body": hostile.endless(ENDLESS, b"x" * MANY),
        "endless chunks": hostile.endless(hostile.CHUNKED, b"%x\r\n" % MANY + b"x" * MANY + b"\r\n"),
        "a body of 8 EiB": hostile.endless(
            b"HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n", b"x" * MANY
        ),
        "a chunk of 1 EiB": hostile.endless(hostile.CHUNKED + b"FFFFFFFFFFFFFFF\r\n", b"x" * MANY),
        "gzip bomb": hostile.endless(b"HTTP/1.1 200 OK\r\n" + BOMB + b"\r\n", b"\x1f\x8b" * MANY),
        "fast, then a drip": hostile.dripping(ENDLESS + b"x" * 2 * MANY, b"x"),
    },
}
UNANSWERED_CASES = [
    pytest.param(script, Failure(*ending), id=name)
    for ending, scripts in UNANSWERED.items()
    for name, script in scripts.items()
]
ACCEPTED_CASES = [
    pytest.param(script, cause, id=name) for cause, scripts in ACCEPTED.items() for name, script in scripts.items()
]


async def ending(script: bytes | Behaviour | None, seconds: float) -> Answer | Failure:
    """Return the result of a POST once the receiver has seen its connection close."""
    async with receiving(always(script)) as receiver:
        target = parse_target(receiver.url, ports=Ports.parse("1-65535"))
        transport = PyreqwestTransport()
        await transport._clients.of(
            PinnedTarget(target, LOOPBACK), None
        ).client  # which may take most of a short deadline
        async with asyncio.timeout(60):
            answer = await transport.post(target, ip_address("127.0.0.1"), (), b"{}", deadline_seconds=seconds)
        assert len(await receiver.received(1)) == 1
        await receiver.emptied()
    return answer


@pytest.mark.parametrize(("script", "failure"), UNANSWERED_CASES)
async def test_an_attempt_without_a_status_line_fails_with_the_right_reason(
    script: bytes | Behaviour | None, failure: Failure
) -> None:
    # Only what never ends is to be given up: anything else has as long as a slow machine may need.
    seconds = HASTY_SECONDS if failure.outcome is Outcome.TIMED_OUT else PATIENT_SECONDS

    assert await ending(script, seconds) == failure


@pytest.mark.parametrize(("script", "cause"), ACCEPTED_CASES)
async def test_after_the_status_line_no_body_changes_the_outcome(
    script: bytes | Behaviour | None, cause: Cause
) -> None:
    answer = await ending(script, PATIENT_SECONDS)

    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.status_code, answer.cause) == (Outcome.SUCCEEDED, 200, cause)
    assert answer.truncated


async def test_a_failure_with_a_truncated_body_keeps_its_status_and_the_received_part() -> None:
    cut = hostile.then_close(b"HTTP/1.1 503 X\r\nretry-after: 60\r\ncontent-length: 99\r\n\r\nback at noon")

    answer = await ending(cut, PATIENT_SECONDS)

    assert isinstance(answer, Answer)
    assert (answer.outcome, answer.cause) == (Outcome.HTTP_5XX, Cause.BODY_CUT)
    assert (answer.body, dict(answer.headers)["retry-after"]) == (b"back at noon", "60")


async def test_a_hundred_bad_receivers_at_once_delay_no_other() -> None:
    scripts = [script for some in (*UNANSWERED.values(), *ACCEPTED.values()) for script in some.values()]
    transport = PyreqwestTransport()
    async with receiving(lambda number: scripts[number % len(scripts)]) as bad, receiving() as good:
        to_bad, to_good = (parse_target(one.url, ports=Ports.parse("1-65535")) for one in (bad, good))
        await transport._clients.of(PinnedTarget(to_bad, LOOPBACK), None).client
        suffering = [
            asyncio.create_task(transport.post(to_bad, ip_address("127.0.0.1"), (), b"{}", deadline_seconds=1))
            for _ in range(100)
        ]
        await bad.received(1)

        answers = [
            await transport.post(to_good, ip_address("127.0.0.1"), (), b"{}", deadline_seconds=20) for _ in range(20)
        ]

        assert {answer.outcome for answer in answers} == {Outcome.SUCCEEDED}
        async with asyncio.timeout(30):
            outcomes = {answer.outcome for answer in await asyncio.gather(*suffering)}
        assert outcomes <= {Outcome.SUCCEEDED, Outcome.TIMED_OUT, Outcome.RESET, Outcome.BAD_RESPONSE}


def stormed(
    transport: PyreqwestTransport, port: str, count: int, seconds: float
) -> list[asyncio.Task[Answer | Failure]]:
    to = parse_target(f"http://storm.test:{port}/", ports=Ports.parse("1-65535"))
    return [asyncio.create_task(transport.post(to, STORM, (), b"", deadline_seconds=seconds)) for _ in range(count)]


@pytest.mark.parametrize(("trusted", "connections"), [(True, 4), (False, 16)], ids=["trusted", "not trusted"])
async def test_endless_interim_responses_delay_no_other_address(
    trusted: bool,  # noqa: FBT001 - a parameter
    connections: int,
) -> None:
    trust = Trust(time.monotonic)
    (trust.answered if trusted else trust.kept_waiting)(LOOPBACK)
    transport = PyreqwestTransport(trust=trust)
    with storming(str(STORM)) as process:
        assert process.stdout is not None
        storms = stormed(transport, process.stdout.readline().strip(), connections, PATIENT_SECONDS)
        for _ in storms:
            await asyncio.to_thread(process.stdout.readline)

        async with receiving() as receiver:
            for _ in range(20):
                await post(transport, target(receiver))

        assert not any(one.done() for one in storms)
        process.kill()
        await asyncio.wait(storms)


async def test_an_address_that_answered_before_delays_others_by_interim_responses_once_and_until_its_deadline() -> None:
    transport = trusting(LOOPBACK, STORM)
    with storming(str(STORM)) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        async with receiving() as receiver:
            first = stormed(transport, port, 2, 0.2)
            delayed = await post(transport, target(receiver), seconds=PATIENT_SECONDS)
            ended = await asyncio.gather(*first)
            again = stormed(transport, port, 2, PATIENT_SECONDS)
            for _ in (*first, *again):
                await asyncio.to_thread(process.stdout.readline)
            undelayed = [await post(transport, target(receiver)) for _ in range(20)]

        assert not any(one.done() for one in again)
        process.kill()
        await asyncio.wait(again)
    assert ended == [Failure(Outcome.TIMED_OUT)] * 2
    assert {answer.outcome for answer in (delayed, *undelayed)} == {Outcome.SUCCEEDED}
