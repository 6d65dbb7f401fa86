"""The operator hears of a database outage while it lasts, and when it is over."""

import json
from ipaddress import ip_network

import pytest

from tests.support.receiver import OK, always, answering, receiving
from waypost.alerts.messenger import Messenger
from waypost.alerts.outages import REPORTED_AFTER_SECONDS, RETRY_SECONDS, OutageReports
from waypost.alerts.posting import Poster
from waypost.dispatch.guard import Guard
from waypost.dispatch.resolver import SystemResolver
from waypost.dispatch.transport import PyreqwestTransport
from waypost.domain.alerts import AlertService
from waypost.domain.incidents import Kind, State, Subject
from waypost.domain.targets import EVERY_PORT
from waypost.store import incidents
from waypost.store.database import Database


@pytest.fixture(autouse=True)
def lasting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an outage last until the test ends it."""
    monkeypatch.setattr("waypost.store.outage.LOOK_SECONDS", 3600.0)


class Reports:
    def __init__(self, database: Database, url: str) -> None:
        self.now = 0.0
        guard = Guard(SystemResolver(), ports=EVERY_PORT, allow=(ip_network("127.0.0.0/8"),))
        messenger = Messenger(Poster(guard, PyreqwestTransport(), "Waypost/test"), None, public_url=None)
        channels = [(AlertService.SLACK, {"url": url})]
        self.reports = OutageReports(database, messenger, channels, clock=lambda: self.now)

    async def look(self, seconds: float) -> None:
        self.now += seconds
        await self.reports.look()


async def test_an_outage_is_an_incident_of_the_operator_once_it_is_over(database: Database) -> None:
    async with receiving(always(OK)) as receiver:
        reports = [Reports(database, receiver.url) for _ in range(2)]
        database.outage.found(ConnectionRefusedError())
        for seconds in (0, REPORTED_AFTER_SECONDS):
            for one in reports:
                await one.look(seconds)
        database.outage.passed()
        for one in reports:
            await one.look(1)
    async with database.serving.acquire() as session:
        (incident,) = await incidents.newest(session, None, limit=9)

    assert (incident.kind, incident.subject, incident.state) == (Kind.OPERATOR, Subject.DATABASE, State.CLOSED)
    assert incident.message == "The database can be used again."


async def test_an_outage_is_reported_after_a_minute_and_when_it_is_over(database: Database) -> None:
    async with receiving(always(OK)) as receiver:
        reports = Reports(database, receiver.url)
        database.outage.found(ConnectionRefusedError())
        await reports.look(0)
        await reports.look(REPORTED_AFTER_SECONDS - 1)
        early = len(receiver.requests)
        await reports.look(1)
        await reports.look(RETRY_SECONDS)
        database.outage.passed()
        await reports.look(1)
        await reports.look(1)

    texts = [json.loads(request.body)["text"] for request in receiver.requests]
    assert early == 0
    assert [text.partition("\n")[0] for text in texts] == ["Installation: database", "Resolved: Installation: database"]


async def test_a_restart_of_postgresql_is_not_reported(database: Database) -> None:
    async with receiving(always(OK)) as receiver:
        reports = Reports(database, receiver.url)
        database.outage.found(ConnectionRefusedError())
        await reports.look(0)
        database.outage.passed()
        await reports.look(REPORTED_AFTER_SECONDS)

    assert receiver.requests == []


async def test_a_report_that_is_not_accepted_is_sent_again(database: Database) -> None:
    answers = [answering(500), OK]
    async with receiving(lambda number: answers[min(number, len(answers)) - 1]) as receiver:
        reports = Reports(database, receiver.url)
        database.outage.found(ConnectionRefusedError())
        await reports.look(0)
        for seconds in (REPORTED_AFTER_SECONDS, 1, RETRY_SECONDS, RETRY_SECONDS):
            await reports.look(seconds)

    database.outage.passed()
    assert len(receiver.requests) == 2
