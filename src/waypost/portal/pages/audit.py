"""``/settings/audit``: the account's audit log, newest first, with a check of its integrity."""

from datetime import UTC, datetime
from typing import Final

from litestar import Response, get

from waypost.portal.parts import GivenPages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import enter
from waypost.store import audit

PATH: Final = "/settings/audit"
PAGE_SIZE: Final = 50
_DIGITS: Final = 18


@get(PATH)
async def show(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the page of the audit log; ``?before=`` continues with older entries."""
    visitor = await enter(request, pages)
    asked = request.query_params.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) <= _DIGITS else audit.END
    async with pages.context.database.serving.acquire() as session:
        found = await audit.page(session, visitor.account, before=before, limit=PAGE_SIZE + 1)
    entries = found[:PAGE_SIZE]
    return page(
        request,
        "audit.html",
        visitor,
        entries=[(entry, datetime.fromtimestamp(entry.at / 1_000_000, UTC)) for entry in entries],
        broken_at=audit.broken_at(visitor.account, found),
        older=entries[-1].number if len(found) > PAGE_SIZE else None,
        first=before == audit.END,
    )


ROUTES: Final = (show,)
