"""Sends the alerts that wait: one sender at a time works on a channel, and no channel waits for another."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec
import structlog

from waypost.alerts.in_hand import InHand
from waypost.alerts.messenger import Messenger
from waypost.alerts.results import SendResult
from waypost.domain import ids
from waypost.domain.alerts import AlertService, AlertState, Plan, QuietHours, WaitingAlert, What, plan, wait_after
from waypost.domain.times import from_ms
from waypost.store import alert_changes, alerts
from waypost.store.alert_changes import ClaimedChannel
from waypost.store.database import Database
from waypost.store.intake_rows import now
from waypost.store.statements import Session
from waypost.store.vault import Vault, WrongKey

_LOG: Final = structlog.get_logger()
LEASE: Final = timedelta(minutes=2)
"""Longer than one message can take; after its sender has died, a channel waits until this time has passed."""

NO_USER: Final = "The address no longer belongs to a user of the account."


class AlertSender:
    """Claims channels with something to send, and sends to several of them at a time."""

    def __init__(self, database: Database, vault: Vault, messenger: Messenger) -> None:
        self._database = database
        self._vault = vault
        self._messenger = messenger
        self._in_hand = InHand()

    async def serve(self, stop: asyncio.Event) -> None:
        """Send until ``stop`` is set; what is being sent then is finished."""
        await self._in_hand.serve(self.look, stop)

    async def look(self) -> int:
        """Begin to send to the channels that have something due; return to how many."""
        free, busy = self._in_hand.free, self._in_hand.busy
        if free <= 0:
            return 0
        async with self._database.engine.acquire() as session:
            claimed = await alert_changes.claim_channels(session, free, lease=LEASE, busy=busy)
        for channel in claimed:
            self._in_hand.take(channel.owner, self._serve_channel(channel))
        return len(claimed)

    async def settled(self) -> None:
        """Wait until nothing is being sent."""
        await self._in_hand.settled()

    async def _serve_channel(self, channel: ClaimedChannel) -> None:
        try:
            await self._send_some(channel)
        except Exception:  # noqa: BLE001 - one channel must not keep the others from being served; its lease ends
            _LOG.exception("alert_channel_failed", channel=ids.to_text(ids.ALERT_CHANNEL, channel.id))

    async def _send_some(self, channel: ClaimedChannel) -> None:
        """Send the next message of a channel, and record the result; no connection is held in between."""
        async with self._database.engine.acquire() as session:
            waiting = await alert_changes.waiting_alerts(session, channel.id)
            zone = "UTC" if channel.account is None else await alerts.time_zone(session, channel.account)
            at = from_ms(await now(session))
        if channel.enabled:
            window = None if channel.window_at is None else (channel.window_at, channel.window_sent)
            planned = plan(channel.service, waiting, now=at, quiet=_quiet(channel, zone), window=window)
        else:
            planned = Plan(skip=tuple(one.id for one in waiting))
        result = await self._send(channel, planned.send) if planned.send else None
        async with self._database.engine.acquire() as session:
            if planned.skip:
                await alert_changes.update_alerts_settled(session, planned.skip, AlertState.SKIPPED, None)
            if planned.wait_until is not None:
                await alert_changes.update_alerts_held(session, channel.id, planned.wait_until)
            if result is not None:
                await _note(session, planned.send, result)
            await alert_changes.release_channel(session, channel.id, int(result is not None), at)

    async def _send(self, channel: ClaimedChannel, sent: Sequence[WaitingAlert]) -> SendResult:
        try:
            text = self._vault.open(channel.target, account=channel.owner, endpoint=channel.id)
        except WrongKey:
            return SendResult.failed("The target is encrypted under another WAYPOST_SECRET_KEY: add the channel again.")
        target = msgspec.json.decode(text, type=dict[str, str])
        is_mail, owner = channel.service is AlertService.EMAIL, channel.account
        if is_mail and owner is not None and not await self._is_user(owner, target["address"]):
            return SendResult.failed(NO_USER, rejected=True)
        return await self._messenger.send(channel.service, target, sent, to_operator=owner is None)

    async def _is_user(self, account: UUID, address: str) -> bool:
        async with self._database.engine.acquire() as session:
            return await alerts.is_user_of(session, account, address)


async def _note(session: Session, sent: Sequence[WaitingAlert], result: SendResult) -> None:
    """Record that alerts were sent, that they are sent again later, or that they never are."""
    if result.is_sent:
        await alert_changes.update_alerts_settled(session, [one.id for one in sent], AlertState.SENT, result.answer)
        return
    for one in sent:
        wait = None if one.what is What.TEST else wait_after(one.tries + 1, rejected=result.rejected)
        if wait is None:
            await alert_changes.update_alerts_settled(session, [one.id], AlertState.FAILED, result.answer)
            _LOG.warning("alert_failed", alert=ids.to_text(ids.ALERT, one.id), tries=one.tries + 1)
        else:
            await alert_changes.update_alerts_retried(session, [one.id], wait, result.answer)


def _quiet(channel: ClaimedChannel, zone: str) -> QuietHours | None:
    if channel.quiet_from is None or channel.quiet_until is None:
        return None
    return QuietHours(channel.quiet_from, channel.quiet_until, zone)
