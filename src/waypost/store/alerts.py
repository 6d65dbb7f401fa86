"""Alert channels and the history of alerts, read. An owner is an account, or ``incidents.OPERATOR``."""

from datetime import datetime, time
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import Record

from waypost.domain.alerts import AlertService, AlertState, Content, What
from waypost.store.statements import Session, fetch, fetch_one

SHOWN: Final = 50


class ChannelRow(msgspec.Struct, frozen=True):
    """A channel. ``target`` is sealed, ``kinds`` None means all."""

    id: UUID
    account: UUID | None
    service: AlertService
    name: str
    target: bytes
    kinds: list[str] | None
    quiet_from: time | None
    quiet_until: time | None
    enabled: bool
    created_at: datetime
    updated_at: datetime


class AlertRow(msgspec.Struct, frozen=True):
    """An alert and its result; ``answer`` is the last response or error."""

    id: UUID
    channel: UUID
    what: What
    content: Content
    state: AlertState
    tries: int
    next_at: datetime
    created_at: datetime
    settled_at: datetime | None
    answer: str | None


async def channels(session: Session, owner: UUID) -> list[ChannelRow]:
    """Return an owner's channels, oldest first."""
    return [_channel(row) for row in await fetch(session, "alert_channels", owner, None)]


async def find_channel(session: Session, owner: UUID, channel: UUID) -> ChannelRow | None:
    """Return one of the owner's channels."""
    row = await fetch_one(session, "alert_channels", owner, channel)
    return None if row is None else _channel(row)


async def newest(session: Session, owner: UUID) -> list[AlertRow]:
    """Return the owner's newest alerts, newest first."""
    return [_alert(row) for row in await fetch(session, "alerts", owner, SHOWN)]


async def find(session: Session, alert: UUID) -> AlertRow | None:
    """Return an alert."""
    row = await fetch_one(session, "find_alert", alert)
    return None if row is None else _alert(row)


async def is_user_of(session: Session, account: UUID, address: str) -> bool:
    """Return whether an e-mail address is that of a user of the account."""
    row = await fetch_one(session, "is_user_of", account, address)
    return bool(row and row["is_user"])


async def time_zone(session: Session, account: UUID) -> str:
    """Return the name of an account's time zone."""
    row = await fetch_one(session, "time_zone", account)
    return "UTC" if row is None else str(row["time_zone"])


def _channel(row: Record) -> ChannelRow:
    return ChannelRow(**{**row, "service": AlertService(row["service"])})


def _alert(row: Record) -> AlertRow:
    parsed = {
        "what": What(row["what"]),
        "content": msgspec.json.decode(row["content"], type=Content),
        "state": AlertState(row["state"]),
    }
    return AlertRow(**{**row, **parsed})
