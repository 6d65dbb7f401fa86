import asyncio
from collections.abc import Callable

import msgspec
import pytest

from waypost.domain.carriers import CarrierError, CarrierRefused, CarrierUnavailable, CarrierUnreadable
from waypost.sources.http import CarrierAnswer
from waypost.sources.oauth import RENEWED_BEFORE_END_SECONDS, OAuth

ANSWER = CarrierAnswer(200, b"{}")


class TokenServer:
    """Grants token-1, token-2, …; calls are accepted with the ``valid`` ones."""

    def __init__(self, *, lasts: float | str = 3600, grants: Callable[[int], CarrierAnswer] | None = None) -> None:
        self.now = 0.0
        self.granted = 0
        self.used: list[str] = []
        self.valid: set[str] | None = None
        self._lasts = lasts
        self._grants = grants
        self.oauth = OAuth(self.fetch, clock=lambda: self.now)

    async def fetch(self) -> CarrierAnswer:
        await asyncio.sleep(0)  # others come in between
        self.granted += 1
        if self._grants is not None:
            return self._grants(self.granted)
        token = {"access_token": f"token-{self.granted}", "expires_in": self._lasts}
        return CarrierAnswer(200, msgspec.json.encode(token))

    async def call(self, authorization: str) -> CarrierAnswer:
        self.used.append(authorization)
        if self.valid is not None and authorization not in self.valid:
            raise CarrierRefused("no", status=401)
        return ANSWER


@pytest.fixture
async def server() -> TokenServer:
    return TokenServer()


async def test_a_token_is_used_until_a_minute_before_it_expires(server: TokenServer) -> None:
    for _ in range(3):
        assert await server.oauth.send(server.call) == ANSWER
    server.now = 3600 - RENEWED_BEFORE_END_SECONDS
    await server.oauth.send(server.call)

    assert server.used == ["Bearer token-1"] * 3 + ["Bearer token-2"]
    assert server.oauth.calls == 2


async def test_concurrent_calls_share_one_token_request(server: TokenServer) -> None:
    await asyncio.gather(*[server.oauth.send(server.call) for _ in range(20)])

    assert server.granted == 1


@pytest.mark.parametrize("error", [CarrierRefused("no", status=401), CarrierUnavailable("no answer")])
async def test_concurrent_calls_share_a_failed_token_request(error: CarrierError) -> None:
    def fail(_number: int) -> CarrierAnswer:
        raise error

    server = TokenServer(grants=fail)

    results = await asyncio.gather(*[server.oauth.send(server.call) for _ in range(20)], return_exceptions=True)

    assert results == [error] * 20
    assert (server.granted, server.oauth.calls) == (1, 1)


async def test_a_rejected_token_is_renewed_once_for_all_its_users(server: TokenServer) -> None:
    await server.oauth.send(server.call)
    server.valid = {"Bearer token-2"}

    await asyncio.gather(*[server.oauth.send(server.call) for _ in range(20)])

    assert server.granted == 2


async def test_rejecting_a_new_token_means_bad_credentials(server: TokenServer) -> None:
    server.valid = set()

    with pytest.raises(CarrierRefused):
        await server.oauth.send(server.call)
    assert server.used == ["Bearer token-1", "Bearer token-2"]


async def test_a_forbidden_call_with_a_valid_token_is_not_repeated(server: TokenServer) -> None:
    async def forbidden(authorization: str) -> CarrierAnswer:
        server.used.append(authorization)
        raise CarrierRefused("no", status=403)

    with pytest.raises(CarrierRefused):
        await server.oauth.send(forbidden)
    assert len(server.used) == 1


@pytest.mark.parametrize("status", [400, 404])
async def test_a_rejection_by_the_token_server_quotes_its_message(status: int) -> None:
    server = TokenServer(grants=lambda _: CarrierAnswer(status, b'{"error": "invalid_client"}'))

    with pytest.raises(CarrierRefused) as refused:
        await server.oauth.send(server.call)
    assert (refused.value.status, refused.value.body) == (status, b'{"error": "invalid_client"}')
    assert server.used == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"access_token": ""}',
        b'{"access_token": "a\\r\\nx: y"}',
        b'{"access_token": "a b"}',
        b'{"access_token": "t", "expires_in": "soon"}',
        b'{"access_token": "' + b"a" * 9000 + b'"}',
    ],
)
async def test_an_invalid_token_is_not_used(body: bytes) -> None:
    server = TokenServer(grants=lambda _: CarrierAnswer(200, body))

    with pytest.raises(CarrierUnreadable):
        await server.oauth.send(server.call)
    assert server.used == []


@pytest.mark.parametrize(("lasts", "until"), [("14399", 14339), (0, 5), (-1, 5), ("nan", 5), (1e300, 86_340)])
async def test_the_lifetime_of_a_token_may_be_text_and_is_bounded(lasts: float | str, until: float) -> None:
    server = TokenServer(lasts=lasts)
    await server.oauth.send(server.call)
    server.now = until - 0.5
    await server.oauth.send(server.call)
    server.now = until
    await server.oauth.send(server.call)

    assert server.used == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


async def test_after_a_failed_renewal_the_next_caller_tries_again() -> None:
    def grants(number: int) -> CarrierAnswer:
        return (
            CarrierAnswer(200, b'{"access_token": "t", "expires_in": 100}') if number > 1 else CarrierAnswer(400, b"")
        )

    server = TokenServer(grants=grants)
    with pytest.raises(CarrierRefused):
        await server.oauth.send(server.call)

    assert await server.oauth.send(server.call) == ANSWER
