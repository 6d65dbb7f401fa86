"""``/developer/debugger``: paste a webhook to see which signature check fails, and why."""

import time
from typing import Any, Final

from litestar import Response, get, post

from waypost.portal.parts import GivenPages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import enter
from waypost.signing.diagnosis import diagnose, read_headers

DEBUGGER: Final = "/developer/debugger"


@get(DEBUGGER)
async def debugger(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the debugger's form."""
    visitor = await enter(request, pages)
    empty = {"body": "", "headers": "", "secret": "", "email": visitor.account_email}
    return page(request, "debugger.html", visitor, shows_secret=True, given=empty, findings=None)


@post(DEBUGGER)
async def check(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Check the pasted webhook and show the result. Nothing is stored."""
    visitor = await enter(request, pages)
    form = await request.form()
    given = {name: _text(form, name) for name in ("body", "headers", "secret", "email")}
    headers = read_headers(given["headers"])
    # Standard Webhooks headers need a secret: an empty one makes the diagnosis report that it is missing.
    wants_secret = bool(given["secret"]) or any(name.startswith("webhook-") for name in headers)
    findings = diagnose(
        given["body"].encode(errors="surrogatepass"),
        headers,
        secret=given["secret"] if wants_secret else None,
        email=given["email"] if given["email"] and _is_signed_inside(given["body"]) else None,
        now=int(time.time()),
    )
    return page(request, "debugger.html", visitor, shows_secret=True, given=given, findings=findings)


def _is_signed_inside(body: str) -> bool:
    return '"verify"' in body or '"verifyInfo"' in body


def _text(form: Any, name: str) -> str:
    """Return a field with LF line endings: browsers send CR LF, whatever was pasted."""
    value = form.get(name, "")
    return value.replace("\r\n", "\n").strip("\n") if isinstance(value, str) else ""


ROUTES: Final = (debugger, check)
