"""Actions on alert channels: where an account wants messages about its incidents. The package ``alerts`` sends them.

Each raises NotFound for a channel that is not the account's, and Invalid for invalid values.
"""

import os
import secrets
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from waypost.actions.actor import Actor, note
from waypost.actions.constraints import as_long_as, one_of
from waypost.actions.context import AlertContext
from waypost.actions.refusals import Conflict, Fault, Invalid, checking, present
from waypost.actions.results import until_ended
from waypost.domain import ids
from waypost.domain.alert_targets import check_time_zone, read_quiet_hours, read_target, shown_target
from waypost.domain.alerts import AlertService, AlertState, Content
from waypost.domain.audit import Action
from waypost.domain.incidents import ACCOUNT_KINDS
from waypost.domain.texts import check_line
from waypost.domain.times import from_ms, rfc3339, rfc3339_or_none
from waypost.signing.standard import KEY_BYTES, make_secret
from waypost.store import alert_changes, alerts, hints
from waypost.store.alert_changes import ChannelFields
from waypost.store.alerts import AlertRow, ChannelRow
from waypost.store.hints import Hint
from waypost.store.intake_rows import now
from waypost.store.statements import transaction

ALL: Final = "all"
MOST_CHANNELS: Final = 10
LONGEST_NAME: Final = 100
TEST_MESSAGE: Final = "This is a test. If you can read it, alerts about incidents arrive here."


class ChannelChange(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a change; fields that are left out stay unchanged. Empty texts remove the quiet hours."""

    name: Annotated[str, as_long_as(1, LONGEST_NAME)] | UnsetType = UNSET
    kinds: Annotated[str, one_of([ALL])] | list[Annotated[str, one_of(ACCOUNT_KINDS)]] | UnsetType = UNSET
    quiet_from: str | UnsetType = UNSET
    quiet_until: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class NewChannel(ChannelChange, forbid_unknown_fields=True, kw_only=True):
    """The body of a new channel; which fields ``target`` has depends on the service."""

    service: Annotated[str, one_of(AlertService)]
    target: dict[str, str]


class AlertChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A channel as v1 represents it. ``target`` is shortened if it is secret."""

    id: str
    service: str
    name: str
    target: str
    kinds: str | list[str]
    quiet_from: str | None
    quiet_until: str | None
    enabled: bool
    created_at: str
    updated_at: str


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as v1 represents it. ``answer`` is the last response or error."""

    id: str
    channel_id: str
    what: str
    incident: Content
    state: str
    attempt_count: int
    answer: str | None
    created_at: str
    next_attempt_at: str | None
    settled_at: str | None


def read_id(text: str) -> UUID:
    """Return the channel id in a URL. Raise NotFound for anything else."""
    return present(ids.from_text(ids.ALERT_CHANNEL, text))


async def channels(context: AlertContext, actor: Actor) -> list[AlertChannel]:
    """Return the account's channels, oldest first."""
    async with context.database.serving.acquire() as session:
        rows = await alerts.channels(session, actor.account)
    return [_show(context, row) for row in rows]


async def find(context: AlertContext, actor: Actor, channel: UUID) -> AlertChannel:
    """Return a channel."""
    async with context.database.serving.acquire() as session:
        return _show(context, present(await alerts.find_channel(session, actor.account, channel)))


async def newest(context: AlertContext, actor: Actor) -> list[Alert]:
    """Return the newest alerts of the account's channels, newest first."""
    async with context.database.serving.acquire() as session:
        return [_shown(row) for row in await alerts.newest(session, actor.account)]


async def add(context: AlertContext, actor: Actor, body: NewChannel) -> tuple[AlertChannel, str | None]:
    """Add a channel and return it, for the service webhook with the secret that signs its alerts.

    Raise Conflict at the limit.
    """
    if body.service not in list(AlertService):
        raise Invalid([Fault("service", f"must be one of {', '.join(AlertService)}")])
    service = AlertService(body.service)
    with checking():
        target = read_target(service, body.target, context.check_url)
        fields = _fields(body, None)
    secret = make_secret(os.urandom(KEY_BYTES)) if service is AlertService.WEBHOOK else None
    sealed = target if secret is None else {**target, "secret": secret}
    async with context.database.serving.acquire() as session, transaction(session):
        if service is AlertService.EMAIL and not await alerts.is_user_of(session, actor.account, target["address"]):
            raise Invalid([Fault("address", "must be the address of a user of this account")])
        channel = ids.make_id(await now(session), 0, secrets.randbits(62))
        text = msgspec.json.encode(sealed).decode()
        added = await alert_changes.insert_channel(
            session,
            channel=channel,
            account=actor.account,
            service=service,
            target=context.vault.seal(text, account=actor.account, endpoint=channel),
            fields=fields,
            most=MOST_CHANNELS,
        )
        if not added:
            raise Conflict("alert_channel_limit", f"All {MOST_CHANNELS} alert channels are in use. Delete one first.")
        changes = {"service": (None, service.value), "target": (None, shown_target(service, target))}
        await note(session, actor, Action.ALERT_CHANNEL_ADDED, fields.name, dict(changes))
        row = present(await alerts.find_channel(session, actor.account, channel))
    return _show(context, row), secret


async def change(context: AlertContext, actor: Actor, channel: UUID, body: ChannelChange) -> AlertChannel:
    """Change the given settings of a channel."""
    async with context.database.serving.acquire() as session, transaction(session):
        before = present(await alerts.find_channel(session, actor.account, channel))
        with checking():
            fields = _fields(body, before)
        enabled = before.enabled if body.enabled is UNSET else bool(body.enabled)
        await alert_changes.update_channel(session, actor.account, channel, fields, enabled=enabled)
        await note(session, actor, Action.ALERT_CHANNEL_CHANGED, fields.name)
        return _show(context, present(await alerts.find_channel(session, actor.account, channel)))


async def remove(context: AlertContext, actor: Actor, channel: UUID) -> None:
    """Delete a channel and the history of its alerts."""
    async with context.database.serving.acquire() as session, transaction(session):
        before = present(await alerts.find_channel(session, actor.account, channel))
        await alert_changes.delete_channel(session, actor.account, channel)
        await note(session, actor, Action.ALERT_CHANNEL_DELETED, before.name)


async def send_test(context: AlertContext, actor: Actor, channel: UUID) -> Alert:
    """Send a test and return it; it is still waiting if the service takes too long.

    Raise TooManyWaiting while many tests of the account wait.
    """
    async with context.rooms.tests.hold(actor.account):
        return await _tested(context, actor, channel)


async def _tested(context: AlertContext, actor: Actor, channel: UUID) -> Alert:
    async with context.database.serving.acquire() as session, transaction(session):
        at = await now(session)
        alert = ids.make_id(at, 0, secrets.randbits(62))
        content = Content("", "", "", TEST_MESSAGE, rfc3339(from_ms(at)))
        if not await alert_changes.insert_test_alert(session, actor.account, channel, alert, content):
            present(None)
        await hints.tell(session, Hint())  # nothing to dispatch, but the process that sends it may be at rest

    async def look() -> AlertRow:
        async with context.database.serving.acquire() as session:
            return present(await alerts.find(session, alert))

    return _shown(
        await until_ended(look, lambda row: row.state is not AlertState.WAITING, seconds=context.test_seconds)
    )


async def time_zone(context: AlertContext, actor: Actor) -> str:
    """Return the name of the account's time zone, which its quiet hours follow."""
    async with context.database.serving.acquire() as session:
        return await alerts.time_zone(session, actor.account)


async def change_time_zone(context: AlertContext, actor: Actor, name: str) -> None:
    """Change the account's time zone."""
    with checking():
        name = check_time_zone(name.strip())
    async with context.database.serving.acquire() as session, transaction(session):
        before = await alerts.time_zone(session, actor.account)
        await alert_changes.update_time_zone(session, actor.account, name)
        if before != name:
            await note(session, actor, Action.ACCOUNT_CHANGED, "time zone", {"time_zone": (before, name)})


def _fields(body: ChannelChange, before: ChannelRow | None) -> ChannelFields:
    """Return the settings after a change, or those of a new channel. Raise Invalid or InvalidInput."""
    name = (before.name if before else "") if body.name is UNSET else str(body.name).strip()
    if before is None and not name and isinstance(body, NewChannel):
        name = body.service
    name = check_line("name", name, LONGEST_NAME)
    if not name:
        raise Invalid([Fault("name", f"must have 1 to {LONGEST_NAME} characters")])
    hours = ("", "") if before is None else (_clock(before.quiet_from) or "", _clock(before.quiet_until) or "")
    start = hours[0] if body.quiet_from is UNSET else str(body.quiet_from).strip()
    end = hours[1] if body.quiet_until is UNSET else str(body.quiet_until).strip()
    return ChannelFields(name, _kinds(body, before), *read_quiet_hours(start, end))


def _kinds(body: ChannelChange, before: ChannelRow | None) -> list[str] | None:
    if body.kinds is UNSET:
        return None if before is None else before.kinds
    if body.kinds == ALL:
        return None
    known = [kind.value for kind in ACCOUNT_KINDS]
    if not isinstance(body.kinds, list) or not body.kinds or set(body.kinds) - set(known):
        raise Invalid([Fault("kinds", f'must be "{ALL}" or a non-empty list of {", ".join(known)}')])
    return [kind for kind in known if kind in body.kinds]


def _show(context: AlertContext, row: ChannelRow) -> AlertChannel:
    opened = context.vault.open(row.target, account=row.account or row.id, endpoint=row.id)
    return AlertChannel(
        id=ids.to_text(ids.ALERT_CHANNEL, row.id),
        service=row.service.value,
        name=row.name,
        target=shown_target(row.service, msgspec.json.decode(opened, type=dict[str, str])),
        kinds=ALL if row.kinds is None else row.kinds,
        quiet_from=_clock(row.quiet_from),
        quiet_until=_clock(row.quiet_until),
        enabled=row.enabled,
        created_at=rfc3339(row.created_at),
        updated_at=rfc3339(row.updated_at),
    )


def _clock(at: object) -> str | None:
    return None if at is None else f"{at:%H:%M}"


def _shown(row: AlertRow) -> Alert:
    return Alert(
        id=ids.to_text(ids.ALERT, row.id),
        channel_id=ids.to_text(ids.ALERT_CHANNEL, row.channel),
        what=row.what.value,
        incident=row.content,
        state=row.state.value,
        attempt_count=row.tries,
        answer=row.answer,
        created_at=rfc3339(row.created_at),
        next_attempt_at=rfc3339(row.next_at) if row.state is AlertState.WAITING else None,
        settled_at=rfc3339_or_none(row.settled_at),
    )
