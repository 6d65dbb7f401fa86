"""Real deliveries of Waypost verify in the receiving library."""

import pytest

from tests.flow.test_dispatch import SECRET, Way, running
from tests.flow.test_endpoint_tests import send_every_version
from tests.support.databases import add_account
from tests.support.receiver import receiving
from waypost.domain.endpoints import Version
from waypost.receiver import LatestState, RefusedWebhookError, verify, verify_v2, verify_v3
from waypost.store.database import Database


async def test_a_real_delivery_of_every_version_verifies_and_a_changed_one_is_rejected(database: Database) -> None:
    async with running(Way(database)) as way, receiving() as receiver:
        account = await add_account(database)
        await send_every_version(way, account, receiver)
    sent = {hook.headers["webhook-id"]: hook for hook in receiver.requests}

    events = [verify(hook.body, hook.header_lines, SECRET) for hook in receiver.requests]

    assert [event.version for event in events] == [version.value for version in Version]
    assert [event.id for event in events] == list(sent)
    assert all(event.test and not LatestState().take(event) for event in events)
    for check, event in ((verify_v2, events[0]), (verify_v3, events[1])):
        hook = sent[event.id]
        assert check(hook.body, hook.headers, f"{account.hex}@shop.test") == event
    for hook in sent.values():
        with pytest.raises(RefusedWebhookError):
            verify(hook.body.replace(b"AUSTIN", b"BOSTON"), hook.headers, SECRET)
