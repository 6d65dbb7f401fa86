"""Sessions of the database are lent to accounts in turn."""

import asyncio
from http import HTTPStatus

from httpx import ASGITransport, AsyncClient

from tests.support.api import Api
from tests.support.receiver import HANGS_AFTER_SECONDS
from waypost.app.front import for_our_host


async def test_many_slow_calls_of_one_account_leave_a_session_to_another(api: Api) -> None:
    greedy, modest = await api.caller(), await api.caller()
    lent = api.database.serving._allowance
    front = ASGITransport(for_our_host(None, api.application))  # type: ignore[arg-type]  # both are ASGI
    async with AsyncClient(transport=front, base_url="http://waypost.test") as client:

        def call(key: str, path: str) -> asyncio.Task[int]:
            async def status() -> int:
                return (await client.get(path, headers={"tracking-api-key": key})).status_code

            return asyncio.create_task(status())

        await asyncio.gather(call(greedy.key, "/v1/incidents"), call(modest.key, "/v1/incidents"))
        async with api.database.engine.acquire() as session, session.transaction():
            await session.execute("lock table endpoint in access exclusive mode")
            slow = [call(greedy.key, "/v1/endpoints") for _ in range(lent.most + 2)]
            async with asyncio.timeout(HANGS_AFTER_SECONDS):
                while lent.taken < lent.most - 1:
                    await asyncio.wait(slow, timeout=0.001)
                quick = await call(modest.key, "/v1/incidents")
                taken = lent.taken

        assert (quick, taken) == (HTTPStatus.OK, lent.most - 1)
        assert set(await asyncio.gather(*slow)) == {HTTPStatus.OK}
