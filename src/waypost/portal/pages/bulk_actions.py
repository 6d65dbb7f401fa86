"""Resend and cancel on the page of the history: selected deliveries, or all that match its filter, counted first."""

from collections.abc import Mapping
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import bulk_actions as changes
from waypost.actions.bulk_actions import Selected
from waypost.actions.refusals import Fault, Invalid
from waypost.domain import ids
from waypost.domain.bulk_actions import BulkKind
from waypost.portal.pages.history import HISTORY, chosen_filters, query_of, searched
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import go_to, part
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.portal.wording import plural
from waypost.store.bulk_actions import BulkRow

_PAST: Final = {BulkKind.RESEND: "resent", BulkKind.CANCEL: "cancelled"}


@post(HISTORY + "/selected")
async def change_selected(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Resend or cancel the selected deliveries, and go back to the list."""
    visitor = await enter(request, pages)
    form = await request.form()
    kind, chosen = _kind(form), [str(one) for one in form.getall("delivery", [])]
    back = HISTORY + query_of(chosen_filters(form))
    if not chosen:
        notify(request, "No delivery is selected.")
        return go_to(back)
    done = await changes.change_selected(pages.context, actor_of(request, visitor), kind, chosen)
    notify(request, _result(kind, done))
    return go_to(back)


@post(HISTORY + "/matching")
async def count(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Count the deliveries that match the page's filter, and ask there whether to change them."""
    actor = actor_of(request, await enter(request, pages))
    form = await request.form()
    kind, chosen = _kind(form), chosen_filters(form)
    if not chosen:
        raise Invalid([Fault("search", "needs at least one filter")])
    search = await searched(request, pages, actor, chosen)
    row = await changes.count(pages.context, actor, kind, search.wanted, query=query_of(chosen))
    return go_to(_place(row, {"bulk": ids.to_text(ids.BULK_ACTION, row.id)}))


@post(HISTORY + "/matching/{action_id:str}/start")
async def start(request: PageRequest, pages: GivenPages, action_id: FromPath[str]) -> Response[bytes]:
    """Begin what was counted, and show its progress on the page of the history."""
    visitor = await enter(request, pages)
    row = await changes.start(pages.context, actor_of(request, visitor), action_id)
    return go_to(_place(row, {}))


@post(HISTORY + "/matching/{action_id:str}/stop")
async def stop(request: PageRequest, pages: GivenPages, action_id: FromPath[str]) -> Response[bytes]:
    """Stop what runs; what it has changed stays changed."""
    visitor = await enter(request, pages)
    actor = actor_of(request, visitor)
    await changes.stop(pages.context, actor, action_id)
    notify(request, "Stopped. Earlier changes stay.")
    return go_to(_place(await changes.find(pages.context, actor, action_id), {}))


@get(HISTORY + "/matching")
async def progress(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Return the progress of the account's latest bulk action as a fragment of the page, for the script."""
    visitor = await enter(request, pages)
    row = await changes.latest(pages.context, actor_of(request, visitor))
    return part(request, "bulk_progress.html", bulk=row, bulk_id=None if row is None else _text(row))


def _kind(form: Any) -> BulkKind:
    asked = str(form.get("do", ""))
    if asked not in list(BulkKind):
        raise Invalid([Fault("do", "must be resend or cancel")])
    return BulkKind(asked)


def _result(kind: BulkKind, done: Selected) -> str:
    said = f"{plural(done.changed, 'webhook')} {_PAST[kind]}." if done.changed else f"Nothing was {_PAST[kind]}."
    return " ".join([said, *(f"{count} not: {reason}" for reason, count in done.refused.items())])


def _place(row: BulkRow, more: Mapping[str, str]) -> str:
    """Return the address of the history with an action's filter."""
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"{HISTORY}{row.query}{extra}"


def _text(row: BulkRow) -> str:
    return ids.to_text(ids.BULK_ACTION, row.id)


ROUTES: Final = (change_selected, count, start, stop, progress)
