"""``/settings/alerts/{channel}``: change one alert channel, or delete it."""

from http import HTTPStatus
from typing import Final

from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import alerts as actions
from waypost.actions.alerts import AlertChannel, ChannelChange
from waypost.actions.refusals import Conflict, Invalid
from waypost.domain.alerts import AlertService
from waypost.domain.incidents import ACCOUNT_KINDS, TITLES
from waypost.portal.form_errors import errors_by_field
from waypost.portal.form_versions import FIELD, changed_since, conflict, version_of
from waypost.portal.pages.alerts import PATH, SERVICES, ChannelForm, chosen_kinds
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store.accounts import Visitor

_DELETE: Final = "delete"
_LABELS: Final = {"name": "Name", "kinds": "Incidents", "quiet_from": "Quiet from", "quiet_until": "Quiet until"}


@get(PATH + "/{channel_id:str}")
async def show(request: PageRequest, pages: GivenPages, channel_id: FromPath[str]) -> Response[bytes]:
    """Show the page of a channel; ``?do=delete`` asks whether to delete it."""
    visitor = await enter(request, pages)
    channel = await actions.find(pages.context, actor_of(request, visitor), actions.read_id(channel_id))
    given = {
        "name": channel.name,
        "kinds": _kinds(channel),
        "quiet_from": channel.quiet_from or "",
        "quiet_until": channel.quiet_until or "",
    }
    return await _page(request, pages, visitor, channel, ChannelForm(given))


@post(PATH + "/{channel_id:str}/update")
async def update(request: PageRequest, pages: GivenPages, channel_id: FromPath[str]) -> Response[bytes]:
    """Change the name, the kinds of incidents and the quiet hours of a channel."""
    visitor = await enter(request, pages)
    actor, channel = actor_of(request, visitor), actions.read_id(channel_id)
    form = await request.form()
    texts = {name: str(form.get(name, "")) for name in ("name", "quiet_from", "quiet_until")}
    kinds = [str(kind) for kind in form.getall("kind", [])]
    change = ChannelChange(texts["name"], chosen_kinds(kinds), texts["quiet_from"], texts["quiet_until"])
    found = await actions.find(pages.context, actor, channel)
    try:
        _reject_overwriting(str(form.get(FIELD, "")), found)
        await actions.change(pages.context, actor, channel, change)
    except (Invalid, Conflict) as refusal:
        shown = ChannelForm({**texts, "kinds": kinds}, errors_by_field(refusal))
        return await _page(request, pages, visitor, found, shown)
    notify(request, "Alert channel saved.")
    return go_to(PATH)


def _reject_overwriting(seen: str, channel: AlertChannel) -> None:
    """Raise Conflict if somebody has changed the channel since the form's page was made."""
    now = _compared(channel)
    if names := changed_since(seen, now):
        raise Conflict("changed_meanwhile", conflict(names, now, _LABELS))


def _compared(channel: AlertChannel) -> dict[str, str]:
    return {
        "name": channel.name,
        "kinds": ", ".join(TITLES.get(kind, kind) for kind in _kinds(channel)),
        "quiet_from": channel.quiet_from or "",
        "quiet_until": channel.quiet_until or "",
    }


def _kinds(channel: AlertChannel) -> list[str]:
    return [kind.value for kind in ACCOUNT_KINDS] if isinstance(channel.kinds, str) else channel.kinds


async def _page(
    request: PageRequest, pages: Pages, visitor: Visitor, channel: AlertChannel, form: ChannelForm
) -> Response[bytes]:
    others = await actions.channels(pages.context, actor_of(request, visitor))
    return page(
        request,
        "alert_channel.html",
        visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
        channel=channel,
        service=SERVICES[AlertService(channel.service)],
        is_last=[one.id for one in others if one.enabled] == [channel.id],
        deleting=request.query_params.get("do") == _DELETE,
        kinds=ACCOUNT_KINDS,
        form=form,
        seen=version_of(_compared(channel)),
    )


ROUTES: Final = (show, update)
