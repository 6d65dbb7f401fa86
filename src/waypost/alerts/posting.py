"""Posts a service's request through the guard and the transport of ``dispatch``."""

import time
from typing import Final

from waypost.alerts.results import SendResult
from waypost.alerts.services import ServiceCall
from waypost.dispatch.answers import Answer
from waypost.dispatch.guard import Admitted, Guard
from waypost.dispatch.transport import Transport
from waypost.domain.attempts import CAUSES, ERRORS, Outcome

POST_SECONDS: Final = 15.0
SHOWN_OF_BODY: Final = 500
_LATER: Final = frozenset({408, 425, 429})
_ACCEPTED, _BROKEN = 300, 500


class Poster:
    """Posts to URLs that accounts chose: no forbidden address is connected to, and no redirect is followed."""

    def __init__(self, guard: Guard, transport: Transport, user_agent: str) -> None:
        self._guard = guard
        self._transport = transport
        self._user_agent = user_agent

    async def post(self, call: ServiceCall) -> SendResult:
        """Post once, to the addresses in turn until one accepts a connection."""
        ends = time.monotonic() + POST_SECONDS
        admitted = await self._guard.admit(call.url)
        if not isinstance(admitted, Admitted):
            return SendResult.failed(ERRORS[admitted], rejected=admitted is Outcome.ADDRESS_FORBIDDEN)
        headers = (*call.headers, ("accept", "*/*"), ("user-agent", self._user_agent))
        result = SendResult.failed(ERRORS[Outcome.CONNECT_FAILED])
        for address in admitted.addresses:
            left = ends - time.monotonic()
            answer = await self._transport.post(admitted.target, address, headers, call.body, deadline_seconds=left)
            if isinstance(answer, Answer):
                return _result(answer)
            result = SendResult.failed(CAUSES.get(answer.cause or "", ERRORS[answer.outcome]))
            if answer.outcome is not Outcome.CONNECT_FAILED:
                break
        return result


def _result(answer: Answer) -> SendResult:
    body = answer.body[:SHOWN_OF_BODY].decode("utf-8", "replace").strip()
    text = f"{answer.status_code} {body}".strip()
    if answer.outcome is Outcome.SUCCEEDED:
        return SendResult.succeeded(text)
    code = answer.status_code
    return SendResult.failed(text, rejected=_ACCEPTED <= code < _BROKEN and code not in _LATER)
