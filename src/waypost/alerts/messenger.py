"""Sends one message to one target, by mail or by the request of its service."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from waypost.alerts.mail import Mailer
from waypost.alerts.posting import Poster
from waypost.alerts.results import SendResult
from waypost.alerts.services import call_of
from waypost.alerts.wording import message_of
from waypost.domain.alerts import AlertService, WaitingAlert

WHY: Final = "You receive this because an alert channel of your Waypost account uses this address."
WHY_OPERATOR: Final = "You receive this because WAYPOST_OPERATOR_EMAIL of this installation is this address."
NO_MAIL: Final = "This installation has no mail server: its operator can set WAYPOST_SMTP_URL."


class Messenger:
    """Without a ``mailer`` no mail can be sent. ``public_url`` is where links in messages begin, None for no links."""

    def __init__(self, poster: Poster, mailer: Mailer | None, *, public_url: str | None) -> None:
        self._poster = poster
        self._mailer = mailer
        self._public_url = public_url

    async def send(
        self, service: AlertService, target: Mapping[str, str], alerts: Sequence[WaitingAlert], *, to_operator: bool
    ) -> SendResult:
        """Send one message about these alerts, and return the result."""
        if service is not AlertService.EMAIL:
            unix = int(time.time())
            return await self._poster.post(call_of(service, target, alerts, public_url=self._public_url, now=unix))
        if self._mailer is None:
            return SendResult.failed(NO_MAIL)
        why = WHY_OPERATOR if to_operator else WHY
        return await self._mailer.send(target["address"], message_of(alerts, self._public_url), why=why)
