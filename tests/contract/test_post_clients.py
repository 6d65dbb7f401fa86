"""What the posts are asked, byte by byte, and what becomes of a refusal."""

from collections.abc import AsyncIterator

import pytest

from tests.support.carrier_calls import SECRET, own_headers, source, told
from tests.support.receiver import always, receiving
from waypost.domain.trackings import Source, Update
from waypost.sources.carriers import find
from waypost.sources.http import CarrierHttp


@pytest.fixture
async def http() -> AsyncIterator[CarrierHttp]:
    client = CarrierHttp(timeout_seconds=10, user_agent="Waypost/0")
    yield client
    await client.close()


async def test_royal_mail_is_asked_for_one_mail_piece_with_the_keys_of_an_app(http: CarrierHttp) -> None:
    async with receiving(always(told("royal_mail", "unknown_number"))) as carrier:
        royal_mail = source(http, "royal-mail", carrier.port, SECRET)
        update = await royal_mail.ask("A/1+2", {"customer_name": "Ada"})
        await royal_mail.probe()

    assert update == Update(Source.POLL, unknown_number=True)
    assert [f"{one.method} {one.path}" for one in carrier.requests] == [
        "GET /mailpieces/v2/A%2F1%2B2/events",
        "GET /mailpieces/v2/FQ000000005GB/events",
    ]
    assert own_headers(carrier, 0) == {
        "x-ibm-client-id": "me",
        "x-ibm-client-secret": "a-secret",
        "x-accept-rmg-terms": "yes",
    }


def test_royal_mails_budget_stays_within_25_calls_in_12_hours() -> None:
    carrier = find("royal-mail")
    assert carrier is not None

    in_half_a_day = carrier.budget.calls_a_day / 2 + carrier.budget.bucket_size

    assert in_half_a_day <= 25
