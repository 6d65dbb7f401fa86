"""OAuth client credentials (RFC 6749, 4.4): one token per credential, kept in memory and renewed in time."""

import asyncio
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, Final

import msgspec

from waypost.domain.budget import Budget
from waypost.domain.carriers import CarrierError, CarrierRefused, CarrierUnreadable
from waypost.sources.carriers.carrier import Carrier, PolledCarrier
from waypost.sources.http import CarrierAnswer, CarrierHttp

RENEWED_BEFORE_END_SECONDS: Final = 60.0
SHORTEST_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 86_400.0
_LONGEST_TOKEN: Final = 8_192
_OK: Final = 200


class _Grant(msgspec.Struct, frozen=True):
    """The answer of a token call; UPS writes the seconds as text."""

    access_token: str
    expires_in: float | str = 0.0
    scope: str | None = None


class OAuth:
    """The OAuth token of one credential of a carrier.

    ``fetch`` makes the token call. ``calls`` counts its calls, which also count against a carrier's budget. A token
    whose scopes lack the wanted one must not be used: its credential is rejected.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[CarrierAnswer]],
        *,
        wanted_scope: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._wanted_scope = wanted_scope
        self._clock = clock
        self._renewing = asyncio.Lock()
        self._token = ""
        self._until = 0.0
        self._renewals = 0
        self._failure: CarrierError | None = None
        self.calls = 0

    async def send(self, call: Callable[[str], Awaitable[CarrierAnswer]]) -> CarrierAnswer:
        """Return the answer to ``call``, which gets the value of the header ``authorization``.

        A token that is rejected before it expires is renewed once and the call repeated. Raise CarrierRefused if the
        credential, or the new token, is not accepted; errors of ``call`` and of the token call pass through.
        """
        token = await self._valid()
        try:
            return await call(f"Bearer {token}")
        except CarrierRefused as error:
            if error.status != 401:  # noqa: PLR2004 - a 403 says that the token is valid but not sufficient
                raise
        self.calls += 1  # the repeated one
        return await call(f"Bearer {await self._valid(refused=token)}")

    async def _valid(self, *, refused: str | None = None) -> str:
        """Return a valid token; callers that wait while another renews it use the new one, or fail as that one did.

        If each of them tried again, a token server that hangs would be waited for as often as there are callers.
        """
        renewals = self._renewals
        async with self._renewing:
            if self._renewals != renewals and self._failure is not None:
                raise self._failure
            if self._token in ("", refused) or self._clock() >= self._until:
                await self._renew()
            return self._token

    async def renew(self) -> None:
        """Get a new token, whatever the current one is worth. Raise the errors of the token call."""
        async with self._renewing:
            await self._renew()

    async def _renew(self) -> None:
        self._token, self._failure = "", None
        try:
            await self._fetch_token()
        except CarrierError as error:
            self._failure = error
            raise
        finally:
            self._renewals += 1

    async def _fetch_token(self) -> None:
        self.calls += 1
        began = self._clock()
        answer = await self._fetch()
        if answer.status != _OK:
            # Token servers answer a wrong credential with 400 or 401 (RFC 6749, 5.2).
            raise CarrierRefused(f"no token was given ({answer.status})", status=answer.status, body=answer.body)
        token, seconds, scopes = _read(answer.body)
        if self._wanted_scope is not None and scopes is not None and self._wanted_scope not in scopes:
            raise CarrierRefused(f"the key has no access to {self._wanted_scope}", status=403)
        self._until = began + max(SHORTEST_SECONDS, min(seconds, LONGEST_SECONDS) - RENEWED_BEFORE_END_SECONDS)
        self._token = token


def _read(body: bytes) -> tuple[str, float, list[str] | None]:
    """Return a token, its lifetime in seconds, and its scopes, None if the answer names none."""
    try:
        grant = msgspec.json.decode(body, type=_Grant)
        seconds = float(grant.expires_in)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise CarrierUnreadable("the response to the token call cannot be read") from None
    token = grant.access_token
    if not (0 < len(token) <= _LONGEST_TOKEN and token.isascii() and token.isprintable() and " " not in token):
        raise CarrierUnreadable("the token cannot be sent in a header")
    scopes = None if grant.scope is None else grant.scope.split()
    return token, seconds if seconds == seconds else 0.0, scopes  # noqa: PLR0124 - NaN


class OAuthCarrier(PolledCarrier):
    """A source whose calls need a token; it adds ``fetch_token``."""

    wanted_scope: ClassVar[str | None] = None
    """The scope that a token must have, if the carrier also issues tokens without it."""

    def __init__(
        self, carrier: Carrier, http: CarrierHttp, credentials: Mapping[str, str], *, base_url: str, budget: Budget
    ) -> None:
        super().__init__(carrier, http, credentials, base_url=base_url, budget=budget)
        self.oauth = OAuth(self.fetch_token, wanted_scope=self.wanted_scope)

    @property
    def extra_calls(self) -> int:
        """See ``CarrierSource``."""
        return self.oauth.calls

    async def probe(self) -> None:
        """Get a token: a credential that gets one may poll. Raise CarrierError on failure."""
        await self.oauth.renew()

    @abstractmethod
    async def fetch_token(self) -> CarrierAnswer:
        """Return the answer of the carrier's token server to the credential."""
