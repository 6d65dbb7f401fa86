"""``/developer/apikeys``: the API keys of the account."""

import base64
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import api_keys as api_key_changes
from waypost.actions.refusals import Conflict, Invalid, NotFound
from waypost.domain import ids
from waypost.domain.api_keys import Scope
from waypost.portal.form_errors import errors_by_field
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store import api_keys
from waypost.store.accounts import Visitor

PATH: Final = "/developer/apikeys"
_CREATED: Final = "created_key"
LIVES: Final = (("", "Never"), ("30", "After 30 days"), ("90", "After 90 days"), ("365", "After a year"))


@get(PATH)
async def list_keys(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the page of API keys, with the dialog for creating or revoking one open if requested."""
    visitor = await enter(request, pages)
    created = _opened(pages, visitor, request.session.pop(_CREATED, None))
    return await _page(request, pages, visitor, adding=request.query_params.get("do") == "add", created=created)


@post(PATH)
async def create(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Create an API key, and go to the page that shows it once: a reload neither shows it again nor makes another."""
    visitor = await enter(request, pages)
    form = await request.form()
    given: dict[str, Any] = {
        "name": str(form.get("name", "")),
        "scopes": [str(scope) for scope in form.getall("scope", [])],
        "days": str(form.get("days", "")),
    }
    try:
        days = int(given["days"]) if given["days"] in dict(LIVES) and given["days"] else None
        _, text = await api_key_changes.add(
            pages.context, actor_of(request, visitor), name=given["name"], scopes=given["scopes"], days=days
        )
    except (Invalid, Conflict) as refusal:
        return await _page(request, pages, visitor, adding=True, given=given, errors=errors_by_field(refusal))
    request.session[_CREATED] = _sealed(pages, visitor, text)
    return go_to(PATH)


@post(PATH + "/{key_id:str}/revoke")
async def revoke(request: PageRequest, pages: GivenPages, key_id: FromPath[str]) -> Response[bytes]:
    """Revoke an API key, and go back to the page."""
    visitor = await enter(request, pages)
    key = ids.from_text(ids.API_KEY, key_id)
    if key is None:
        raise NotFound
    await api_key_changes.revoke(pages.context, actor_of(request, visitor), key)
    notify(request, "Key revoked. It stops working within five seconds.")
    return go_to(PATH)


def _sealed(pages: Pages, visitor: Visitor, key: str) -> str:
    """Return a new key as the session has it until the next page: sealed, because sessions are in the database."""
    data = pages.context.vault.seal_bytes(key.encode(), account=visitor.account, owner=visitor.id)
    return base64.b64encode(data).decode()


def _opened(pages: Pages, visitor: Visitor, sealed: str | None) -> str | None:
    if sealed is None:
        return None
    vault = pages.context.vault
    return vault.open_bytes(base64.b64decode(sealed), account=visitor.account, owner=visitor.id).decode()


async def _page(
    request: PageRequest,
    pages: Pages,
    visitor: Visitor,
    *,
    adding: bool = False,
    given: dict[str, Any] | None = None,
    errors: dict[str, str] | None = None,
    created: str | None = None,
) -> Response[bytes]:
    async with pages.context.database.serving.acquire() as session:
        rows = await api_keys.of_account(session, visitor.account)
    now = datetime.now(UTC)
    asked = request.query_params.get("revoke")
    keys = [(ids.to_text(ids.API_KEY, row.id), row, row.works(now)) for row in rows]
    return page(
        request,
        "apikeys.html",
        visitor,
        shows_secret=True,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        keys=keys,
        revoking=next((key for key in keys if key[0] == asked and key[2]), None),
        scopes=tuple(Scope),
        lives=LIVES,
        adding=adding,
        given=given or {"name": "", "scopes": list(Scope), "days": ""},
        errors=errors or {},
        created=created,
    )


ROUTES: Final = (list_keys, create, revoke)
