"""``waypost alerts``: manage the alert channels of an account."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

import msgspec
from cyclopts import App, Parameter
from msgspec import UNSET

from waypost.actions import alerts as actions
from waypost.actions.actor import Actor
from waypost.actions.alerts import AlertChannel, ChannelChange, NewChannel
from waypost.actions.context import AlertContext
from waypost.app.alert_channels import alert_channels
from waypost.cli.answers import answer, answer_json
from waypost.cli.emails import operator_for
from waypost.cli.options import Account, AsJson, DatabaseUrl, DataDir, chosen, progress
from waypost.cli.standard_input import read_object
from waypost.cli.terminal import print_table
from waypost.domain.alerts import AlertState
from waypost.settings import Settings

APPLICATION: Final = App(name="alerts", help="List, add, change, test and delete the alert channels of an account.")
T = TypeVar("T")

Id = Annotated[str, Parameter(help="The channel's id, as `list` shows it.")]
Name = Annotated[str | None, Parameter(help="Its name on pages. Default: the service.")]
Kinds = Annotated[
    list[str] | None,
    Parameter(name="--kind", negative="", help="A kind of incident to report; repeatable. Default: all kinds."),
]
QuietFrom = Annotated[str | None, Parameter(help="When its quiet hours begin, such as 22:00.")]
QuietUntil = Annotated[str | None, Parameter(help="When its quiet hours end, such as 06:30.")]


@APPLICATION.command(name="list")
def list_channels(
    *,
    account: Account,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List an account's alert channels. Secret parts of their addresses are not shown."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    found = _do(settings, account, actions.channels)
    if as_json:
        answer_json(found)
        return
    print_table(["Id", "Service", "Name", "Address", "Incidents", "Quiet hours", "State"], map(_row, found))


@APPLICATION.command
def add(
    service: Annotated[str, Parameter(help="email, slack, teams, telegram, pagerduty, ntfy or webhook.")],
    *,
    account: Account,
    name: Name = None,
    kind: Kinds = None,
    quiet_from: QuietFrom = None,
    quiet_until: QuietUntil = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Add an alert channel. Its address is read from standard input, as a JSON object such as {"url": "https://…"}.

    The fields are address for email; url for slack, teams, ntfy and webhook; bot_token and chat_id for telegram;
    routing_key for pagerduty. For webhook, the command prints the secret that signs the messages.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    body = NewChannel(
        service=service,
        target=read_object("target", example='{"url": "https://…"}'),
        name=UNSET if name is None else name,
        kinds=kind or actions.ALL,
        quiet_from=quiet_from or "",
        quiet_until=quiet_until or "",
    )
    made, secret = _do(settings, account, lambda context, owner: actions.add(context, owner, body))
    lines = [f"{made.id} sends alerts to {made.target}.", *([] if secret is None else [f"Secret: {secret}"])]
    answer({**msgspec.to_builtins(made), "secret": secret}, "\n".join(lines), as_json=as_json)


@APPLICATION.command
def change(
    channel: Id,
    *,
    account: Account,
    name: Name = None,
    kind: Kinds = None,
    quiet_from: QuietFrom = None,
    quiet_until: QuietUntil = None,
    enabled: Annotated[bool | None, Parameter(help="Whether alerts are sent to it.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Change an alert channel. Options that you leave out change nothing.

    `--kind all` reports all kinds. Empty quiet hours remove them.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    body = ChannelChange(
        name=UNSET if name is None else name,
        kinds=UNSET if kind is None else actions.ALL if kind == [actions.ALL] else kind,
        quiet_from=UNSET if quiet_from is None else quiet_from,
        quiet_until=UNSET if quiet_until is None else quiet_until,
        enabled=UNSET if enabled is None else enabled,
    )
    found = actions.read_id(channel)
    made = _do(settings, account, lambda context, owner: actions.change(context, owner, found, body))
    said = f"{made.id} is {'enabled' if made.enabled else 'disabled'}."
    answer(made, said, as_json=as_json)


@APPLICATION.command(name="test")
def send_test(
    channel: Id,
    *,
    account: Account,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> int:
    """Send a test to a channel through the running server. Exits with status 1 if it was not accepted."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    found = actions.read_id(channel)
    sent = _do(settings, account, lambda context, owner: actions.send_test(context, owner, found))
    said = {
        AlertState.SENT: f"The test was accepted: {sent.answer}",
        AlertState.WAITING: "The test is still waiting. A running `waypost serve` or `waypost keep` sends it.",
    }.get(AlertState(sent.state), f"The test failed: {sent.answer}")
    answer(sent, said, as_json=as_json)
    return 0 if sent.state == AlertState.SENT else 1


@APPLICATION.command
def delete(
    channel: Id,
    *,
    account: Account,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete an alert channel and the history of its alerts."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    found = actions.read_id(channel)
    _do(settings, account, lambda context, owner: actions.remove(context, owner, found))
    answer({"id": channel}, f"{channel} is deleted.", as_json=as_json)


def _do(settings: Settings, email: str, action: Callable[[AlertContext, Actor], Awaitable[T]]) -> T:
    async def act() -> T:
        async with alert_channels(settings, progress) as context:
            return await action(context, await operator_for(context.database, email))

    return asyncio.run(act())


def _row(channel: AlertChannel) -> tuple[str, ...]:
    kinds = channel.kinds if isinstance(channel.kinds, str) else ", ".join(channel.kinds)
    quiet = f"{channel.quiet_from} to {channel.quiet_until}" if channel.quiet_from else ""
    state = "enabled" if channel.enabled else "disabled"
    return channel.id, channel.service, channel.name, channel.target, kinds, quiet, state
