"""Rows of alert channels and alerts, written: by people, by incidents, and by what sends them."""

from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.alerts import AlertService, AlertState, Content, WaitingAlert, What
from waypost.domain.incidents import Incident
from waypost.domain.times import from_ms, rfc3339, rfc3339_or_none
from waypost.store.incidents import OPERATOR
from waypost.store.intake_rows import now
from waypost.store.statements import Session, execute, fetch, fetch_one

LONGEST_ANSWER: Final = 2_000


class ClaimedChannel(msgspec.Struct, frozen=True):
    """A leased channel: what is sent to it now is sent by its holder only."""

    id: UUID
    account: UUID | None
    owner: UUID
    service: AlertService
    target: bytes
    quiet_from: time | None
    quiet_until: time | None
    window_at: datetime | None
    window_sent: int
    enabled: bool


class ChannelFields(msgspec.Struct, frozen=True):
    """What people choose about a channel besides its target."""

    name: str
    kinds: list[str] | None
    quiet_from: time | None
    quiet_until: time | None


async def insert_alerts(session: Session, incident: Incident, what: What) -> None:
    """Insert an alert about an incident for each channel that wants it, in the transaction of its change."""
    content = Content(
        incident=ids.to_text(ids.INCIDENT, incident.id),
        kind=incident.kind,
        subject=incident.subject,
        message=incident.message,
        opened_at=rfc3339(incident.opened_at),
        closed_at=rfc3339_or_none(incident.closed_at),
        details=incident.details,
    )
    owner = incident.account or OPERATOR
    await execute(session, "insert_alerts", owner, incident.kind.value, incident.id, what.value, _json(content))


async def insert_test_alert(session: Session, owner: UUID, channel: UUID, alert: UUID, content: Content) -> bool:
    """Insert a test of one of the owner's channels. Return False if there is no such channel."""
    return await fetch_one(session, "insert_test_alert", owner, channel, alert, _json(content)) is not None


async def claim_channels(
    session: Session, most: int, *, lease: timedelta, busy: Collection[UUID]
) -> list[ClaimedChannel]:
    """Lease channels that have something to send, at most one of each owner, and none of the ``busy`` owners."""
    rows = await fetch(session, "claim_channels", most, lease, list(busy))
    return [ClaimedChannel(**{**row, "service": AlertService(row["service"])}) for row in rows]


async def waiting_alerts(session: Session, channel: UUID) -> list[WaitingAlert]:
    """Return a channel's due alerts, oldest first."""
    return [
        WaitingAlert(row["id"], What(row["what"]), msgspec.json.decode(row["content"], type=Content), row["tries"])
        for row in await fetch(session, "waiting_alerts", channel)
    ]


async def update_alerts_settled(
    session: Session, alerts: Sequence[UUID], state: AlertState, answer: str | None
) -> None:
    """Write how alerts ended."""
    tried = int(state is not AlertState.SKIPPED)
    await execute(session, "update_alerts_settled", list(alerts), state.value, tried, cut(answer))


async def update_alerts_retried(session: Session, alerts: Sequence[UUID], seconds: float, answer: str) -> None:
    """Let alerts that could not be sent wait for a number of seconds."""
    await execute(session, "update_alerts_retried", list(alerts), timedelta(seconds=seconds), cut(answer))


async def update_alerts_held(session: Session, channel: UUID, until: datetime) -> None:
    """Let a channel's due alerts wait until a time; tests don't wait."""
    await execute(session, "update_alerts_held", channel, until)


async def release_channel(session: Session, channel: UUID, sent: int, at: datetime) -> None:
    """End the lease of a channel, and count the messages that were sent to it at a time."""
    await execute(session, "release_channel", channel, sent, at)


async def insert_channel(
    session: Session,
    *,
    channel: UUID,
    account: UUID,
    service: AlertService,
    target: bytes,
    fields: ChannelFields,
    most: int,
) -> bool:
    """Insert the row of a channel. Return False if the account has ``most`` already."""
    await execute(session, "lock_account", account)
    columns = (fields.name, target, fields.kinds, fields.quiet_from, fields.quiet_until)
    keys = (channel, account, service.value)
    return await fetch_one(session, "insert_channel", *keys, *columns, most) is not None


async def keep_operator_channel(
    session: Session, channel: UUID, service: AlertService, name: str, target: bytes
) -> None:
    """Write a channel of the operator, which the settings describe."""
    await execute(session, "keep_operator_channel", channel, service.value, name, target)


async def disable_operator_channels(session: Session, *, besides: Collection[UUID]) -> None:
    """Disable the operator's channels that the settings no longer describe."""
    await execute(session, "disable_operator_channels", list(besides))


async def update_channel(session: Session, owner: UUID, channel: UUID, fields: ChannelFields, *, enabled: bool) -> bool:
    """Write what people chose about a channel. Return False if there is none."""
    columns = (fields.name, fields.kinds, fields.quiet_from, fields.quiet_until, enabled)
    return await fetch_one(session, "update_channel", owner, channel, *columns) is not None


async def update_time_zone(session: Session, account: UUID, zone: str) -> None:
    """Write the name of an account's time zone."""
    await execute(session, "update_time_zone", account, zone)


async def delete_channel(session: Session, account: UUID, channel: UUID) -> bool:
    """Delete a channel and its alerts. Return False if there is none."""
    return await fetch_one(session, "delete_channel", account, channel) is not None


async def delete_old_alerts(session: Session, kept: timedelta) -> int:
    """Delete some of the alerts that ended and are older; return how many."""
    oldest = ids.first_at(from_ms(await now(session)) - kept)
    return len(await fetch(session, "delete_old_alerts", oldest))


def _json(content: Content) -> str:
    return msgspec.json.encode(content).decode()


def cut(answer: str | None) -> str | None:
    """Return a response as it is stored."""
    return None if answer is None else answer.replace("\0", "")[:LONGEST_ANSWER]
