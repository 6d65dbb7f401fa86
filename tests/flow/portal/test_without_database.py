"""While PostgreSQL is unavailable, programs and people are asked to retry, and the log gets one line, not a page."""

import pytest
from structlog.testing import capture_logs

from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal


async def test_without_a_database_programs_are_asked_to_retry(portal: Portal, shop: Caller) -> None:
    await portal.database._pools[1].close()

    with capture_logs() as lines:
        ours = await shop.get("/v1/endpoints")
        theirs = await shop.get("/v4/trackings/get")

    assert (ours.status_code, ours.json()["code"], ours.headers["retry-after"]) == (503, "unavailable", "1")
    assert (theirs.status_code, theirs.json()["meta"]["code"], theirs.headers["retry-after"]) == (503, 503, "1")
    assert [line["event"] for line in lines] == ["database_unavailable"]
    assert not any("exc_info" in line for line in lines)


@pytest.mark.parametrize("signed_in", [True, False])
async def test_without_a_database_people_are_asked_to_retry(
    portal: Portal,
    browser: Browser,
    signed_in: bool,  # noqa: FBT001 - a table
) -> None:
    visitor = browser if signed_in else portal.browser()
    token = await visitor.token()
    await portal.database._pools[1].close()

    answer = await (visitor.get("/trackings") if signed_in else visitor.sign_in("shop@example.com", token=token))

    assert answer.status_code == 503
    assert "The database is unavailable. Try again" in Document(answer.text).text
