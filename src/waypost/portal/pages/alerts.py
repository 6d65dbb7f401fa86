"""``/settings/alerts``: the channels that alerts go to, and the newest alerts."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import alerts as actions
from waypost.actions.alerts import ChannelChange, NewChannel
from waypost.actions.refusals import Conflict, Invalid
from waypost.domain.alert_targets import FIELDS
from waypost.domain.alerts import AlertService, AlertState
from waypost.domain.incidents import ACCOUNT_KINDS
from waypost.portal.form_errors import errors_by_field
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store.accounts import Visitor

PATH: Final = "/settings/alerts"
SERVICES: Final = {
    AlertService.EMAIL: "E-mail",
    AlertService.SLACK: "Slack, Mattermost, Rocket.Chat or Discord",
    AlertService.TEAMS: "Microsoft Teams",
    AlertService.TELEGRAM: "Telegram",
    AlertService.PAGERDUTY: "PagerDuty",
    AlertService.NTFY: "ntfy",
    AlertService.WEBHOOK: "Any URL, as a signed webhook",
}
HINTS: Final = {
    AlertService.EMAIL: "Mail goes to users of this account only. Add the user first, under Settings.",
    AlertService.SLACK: "Create an incoming webhook there, and enter its URL. For Discord, add /slack to the URL.",
    AlertService.TEAMS: "Create a workflow that posts to a channel when a webhook request is received.",
    AlertService.TELEGRAM: "Create a bot with @BotFather, and add it to the chat.",
    AlertService.PAGERDUTY: "Add the integration Events API v2 to a service, and enter its integration key.",
    AlertService.NTFY: "The URL of the topic, such as https://ntfy.sh/my-topic, and a token if the topic needs one.",
    AlertService.WEBHOOK: "Waypost posts JSON, signed as Standard Webhooks with a secret that is shown once.",
}


class ChannelForm(msgspec.Struct, frozen=True):
    """The submitted values, and the errors by field."""

    given: dict[str, Any] = {}
    errors: dict[str, str] = {}


@get(PATH)
async def show(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """List channels and alerts; ``?service=`` opens the form for a new channel."""
    visitor = await enter(request, pages)
    return await _page(request, pages, visitor)


@post(PATH)
async def add(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Add a channel; the secret of a signed webhook is shown once, in this response."""
    visitor = await enter(request, pages)
    form = await request.form()
    service = str(form.get("service", ""))
    names = [field.name for field in FIELDS[AlertService(service)]] if service in list(AlertService) else []
    texts = {name: str(form.get(name, "")) for name in ("name", "quiet_from", "quiet_until", *names)}
    kinds = [str(kind) for kind in form.getall("kind", [])]
    target = {name: texts[name] for name in names if texts[name]}
    new = NewChannel(
        service=service,
        target=target,
        name=texts["name"],
        kinds=chosen_kinds(kinds),
        quiet_from=texts["quiet_from"],
        quiet_until=texts["quiet_until"],
    )
    try:
        _, secret = await actions.add(pages.context, actor_of(request, visitor), new)
    except (Invalid, Conflict) as refusal:
        given = {**texts, "service": service, "kinds": kinds}
        return await _page(request, pages, visitor, form=ChannelForm(given, errors_by_field(refusal)))
    if secret is not None:
        return await _page(request, pages, visitor, secret=secret)
    notify(request, "Alert channel added. Send a test to see whether it works.")
    return go_to(PATH)


@post(PATH + "/time-zone")
async def change_time_zone(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Change the time zone of the account."""
    visitor = await enter(request, pages)
    zone = str((await request.form()).get("time_zone", ""))
    try:
        await actions.change_time_zone(pages.context, actor_of(request, visitor), zone)
    except Invalid as refusal:
        return await _page(request, pages, visitor, zone=ChannelForm({"time_zone": zone}, errors_by_field(refusal)))
    notify(request, "Time zone saved.")
    return go_to(PATH)


@post(PATH + "/{channel_id:str}/test")
async def test(request: PageRequest, pages: GivenPages, channel_id: FromPath[str]) -> Response[bytes]:
    """Send a test and show the result."""
    visitor = await enter(request, pages)
    sent = await actions.send_test(pages.context, actor_of(request, visitor), actions.read_id(channel_id))
    outcome = {
        AlertState.SENT: f"The test was accepted: {sent.answer}",
        AlertState.WAITING: "The test is still waiting for a response. Its result will be listed under Sent alerts.",
    }
    notify(request, outcome.get(AlertState(sent.state), f"The test failed: {sent.answer}"))
    return go_to(PATH)


@post(PATH + "/{channel_id:str}/switch")
async def switch(request: PageRequest, pages: GivenPages, channel_id: FromPath[str]) -> Response[bytes]:
    """Enable or disable a channel."""
    visitor = await enter(request, pages)
    enabled = str((await request.form()).get("enabled", "")) == "true"
    actor = actor_of(request, visitor)
    await actions.change(pages.context, actor, actions.read_id(channel_id), ChannelChange(enabled=enabled))
    notify(request, "Alert channel enabled." if enabled else "Alert channel disabled.")
    return go_to(PATH)


@post(PATH + "/{channel_id:str}/delete")
async def delete(request: PageRequest, pages: GivenPages, channel_id: FromPath[str]) -> Response[bytes]:
    """Delete a channel."""
    visitor = await enter(request, pages)
    await actions.remove(pages.context, actor_of(request, visitor), actions.read_id(channel_id))
    notify(request, "Alert channel deleted.")
    return go_to(PATH)


def chosen_kinds(ticked: list[str]) -> str | list[str]:
    """Return the kinds of incidents whose boxes are ticked; all of them include kinds of later versions."""
    return actions.ALL if set(ticked) == set(ACCOUNT_KINDS) else ticked


async def _page(
    request: PageRequest,
    pages: Pages,
    visitor: Visitor,
    *,
    form: ChannelForm | None = None,
    zone: ChannelForm | None = None,
    secret: str | None = None,
) -> Response[bytes]:
    actor = actor_of(request, visitor)
    asked = request.query_params.get("service", "") if form is None else form.given["service"]
    channels = await actions.channels(pages.context, actor)
    chosen = AlertService(asked) if asked in list(AlertService) else None
    usual = {"kinds": [kind.value for kind in ACCOUNT_KINDS], "address": visitor.email}
    return page(
        request,
        "alerts.html",
        visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form or zone else HTTPStatus.OK,
        shows_secret=secret is not None,
        secret=secret,
        channels=channels,
        names={channel.id: channel.name for channel in channels},
        alerts=await actions.newest(pages.context, actor),
        services=SERVICES,
        chosen=chosen,
        fields=FIELDS.get(chosen, ()) if chosen else (),
        hint=HINTS[chosen] if chosen else "",
        kinds=ACCOUNT_KINDS,
        form=form or ChannelForm(usual),
        zone=zone or ChannelForm({"time_zone": await actions.time_zone(pages.context, actor)}),
    )


ROUTES: Final = (show, add, change_time_zone, test, switch, delete)
