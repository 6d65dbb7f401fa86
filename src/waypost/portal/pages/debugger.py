"""``/developer/debugger``: paste a webhook to see which signature check fails, and why."""

import time
from collections.abc import Mapping
from typing import Any, Final

from litestar import Response, get, post

from waypost.actions import deliveries
from waypost.actions.actor import Actor
from waypost.actions.endpoint_secrets import secrets_of
from waypost.actions.refusals import NotFound
from waypost.domain import ids
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter
from waypost.signing.diagnosis import Finding, diagnose, read_headers
from waypost.store import endpoints
from waypost.store.accounts import Visitor

DEBUGGER: Final = "/developer/debugger"


@get(DEBUGGER)
async def debugger(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the debugger's form; ``?delivery=`` and ``?attempt=`` fill it with what was sent."""
    visitor = await enter(request, pages)
    given = {"body": "", "headers": "", "secret": "", "email": visitor.account_email, "endpoint": ""}
    sent = await _sent(pages, actor_of(request, visitor), request.query_params)
    return await _page(request, pages, visitor, given | sent, None)


@post(DEBUGGER)
async def check(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Check the pasted webhook and show the result. Nothing is stored."""
    visitor = await enter(request, pages)
    form = await request.form()
    given = {name: _text(form, name) for name in ("body", "headers", "secret", "email", "endpoint")}
    secret = given["secret"] or await _own_secret(pages, actor_of(request, visitor), given["endpoint"])
    headers = read_headers(given["headers"])
    # Standard Webhooks headers need a secret: an empty one makes the diagnosis report that it is missing.
    wants_secret = bool(secret) or any(name.startswith("webhook-") for name in headers)
    findings = diagnose(
        given["body"].encode(errors="surrogatepass"),
        headers,
        secret=secret if wants_secret else None,
        email=given["email"] if given["email"] and _is_signed_inside(given["body"]) else None,
        now=int(time.time()),
    )
    return await _page(request, pages, visitor, given, findings)


async def _page(
    request: PageRequest, pages: Pages, visitor: Visitor, given: dict[str, str], findings: list[Finding] | None
) -> Response[bytes]:
    async with pages.context.database.serving.acquire() as session:
        rows = await endpoints.of_account(session, visitor.account, before=None, limit=pages.context.max_endpoints)
    own = [(ids.to_text(ids.ENDPOINT, row.id), row.description or row.url) for row in rows]
    shown = None if findings is None else [(one, _verdict(one, findings)) for one in findings]
    return page(request, "debugger.html", visitor, shows_secret=True, given=given, findings=shown, own=own)


def _verdict(one: Finding, findings: list[Finding]) -> str:
    """Return ``passed``, ``failed``, or ``old`` for the age of a webhook with which nothing else is wrong."""
    if one.passed:
        return "passed"
    return "old" if one.is_old and all(other.passed or other.is_old for other in findings) else "failed"


async def _sent(pages: Pages, actor: Actor, asked: Mapping[str, str]) -> dict[str, str]:
    """Return the form's fields of an attempt; nothing if it is not the account's."""
    delivery = ids.from_text(ids.DELIVERY, asked.get("delivery", ""))
    if delivery is None:
        return {}
    try:
        row = await deliveries.find(pages.context, actor, delivery)
    except NotFound:
        return {}
    shown = await deliveries.show_with_attempts(pages.context, row)
    found = [one for one in shown.attempts if str(one.number) == asked.get("attempt")]
    if not found:
        return {}
    lines = "\n".join(f"{name}: {value}" for name, value in found[0].request.headers)
    return {"body": found[0].request.body or "", "headers": lines, "endpoint": shown.endpoint_id}


async def _own_secret(pages: Pages, actor: Actor, endpoint: str) -> str:
    """Return the secret of one of the account's endpoints, for the check only; empty if there is none."""
    identifier = ids.from_text(ids.ENDPOINT, endpoint)
    try:
        return "" if identifier is None else (await secrets_of(pages.context, actor, identifier)).current
    except NotFound:
        return ""


def _is_signed_inside(body: str) -> bool:
    return '"verify"' in body or '"verifyInfo"' in body


def _text(form: Any, name: str) -> str:
    """Return a field with LF line endings: browsers send CR LF, whatever was pasted."""
    value = form.get(name, "")
    return value.replace("\r\n", "\n").strip("\n") if isinstance(value, str) else ""


ROUTES: Final = (debugger, check)
