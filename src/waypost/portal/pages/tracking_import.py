"""``/trackings/import`` and ``/trackings/export.csv``: import parcels from a CSV file, and export them."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, BinaryIO, Final

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.response import Stream

from waypost.actions.actor import Actor
from waypost.actions.parcel_csv import matching
from waypost.actions.parcel_csv.exporting import export as exported
from waypost.actions.parcel_csv.headings import own_names
from waypost.actions.parcel_csv.importing import Imported, import_file
from waypost.actions.parcel_csv.rows import Preview, UnreadableError, read_preview
from waypost.actions.refusals import Busy, Conflict, Unavailable
from waypost.actions.shared_numbers import shared_numbers
from waypost.actions.trackings import create
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import ALWAYS, go_to, page
from waypost.portal.requests import TAKES_FILES, PageRequest
from waypost.portal.visits import actor_of, enter
from waypost.store.accounts import Visitor

PATH: Final = "/trackings/import"
LARGEST_FILE: Final = 4 << 20
"""Larger files take longer than a browser waits. The command accepts files of any size."""

MOST_LINES: Final = 100_000
"""Many lines take as long as a large file, however short they are."""

EXAMPLE: Final = (
    "tracking_number,courier_code,order_number,title\r\n"
    "1Z999AA10123456784,ups,1042,Red shoes\r\n"
    "00340434161094042557,,1043,The courier is detected from the number\r\n"
)
_PIECE: Final = 1 << 16

MOST_SHOWN: Final = 100


@get(PATH)
async def ask(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the form for a file or pasted rows."""
    return show(request, await enter(request, pages))


@post(PATH, request_max_body_size=LARGEST_FILE, opt={TAKES_FILES: True})
async def bring_in(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Handle the form: register the parcels of a file, or list the errors by row."""
    visitor = await enter(request, pages)
    form = await request.form()
    rows, skip = str(form.get("rows", "")), "skip" in form
    file = _given(form.get("file"), rows)
    if file is None:
        return show(request, visitor, error="Choose a file, or paste rows.", skip=skip)
    if await asyncio.to_thread(_lines_of, file) > MOST_LINES:
        error = f"The file has more than {MOST_LINES:,} lines. Split it, or use waypost trackings import."
        return show(request, visitor, error=error, skip=skip)
    preview = _preview(file)
    if preview is not None and not preview.is_named:
        await matching.keep_file(pages.context, visitor.id, file)
        return go_to(f"{PATH}/columns")
    actor = actor_of(request, visitor)
    register = partial(create, pages.context, actor, source="WEB")
    compare = partial(shared_numbers, pages.context, actor)
    try:
        async with pages.context.rooms.imports.hold(visitor.account):
            file.seek(0)
            done = await import_file(file, register, compare, skip_mistakes=skip, seen=lambda *_: None)
    except (Busy, Conflict, Unavailable) as refusal:
        said = f"{refusal.sentence} Import the same file again: parcels registered so far are kept."
        return show(request, visitor, error=said, rows=rows, skip=skip)
    if done.imported:
        return show(request, visitor, done=done)
    if preview is not None:
        await matching.keep_file(pages.context, visitor.id, file)
    return show(request, visitor, done=done, rows=rows, skip=skip, labels=() if preview is None else preview.labels)


@get(PATH + "/example.csv")
async def example(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Return a small file that can be imported, to be filled in with a spreadsheet."""
    await enter(request, pages)
    headers = {**ALWAYS, "content-disposition": 'attachment; filename="parcels.csv"'}
    return Response(EXAMPLE.encode(), media_type="text/csv", headers=headers)


@get("/trackings/export.csv")
async def export(request: PageRequest, pages: GivenPages) -> Stream:
    """Stream all parcels of the account to the browser as a CSV file."""
    visitor = await enter(request, pages)
    name = f"trackings-{datetime.now(UTC):%Y-%m-%d}.csv"
    return Stream(
        _exported(pages, actor_of(request, visitor)),
        media_type="text/csv",
        headers={**ALWAYS, "content-disposition": f'attachment; filename="{name}"'},
    )


async def _exported(pages: Pages, actor: Actor) -> AsyncIterator[bytes]:
    """Yield the file, unless the account already has two exports running."""
    async with pages.context.rooms.exports.hold(actor.account):
        async for piece in exported(pages.context, actor):
            yield piece


def _given(file: Any, rows: str) -> BinaryIO | None:
    """Return the uploaded file, or the pasted rows if there is none, or None if both are empty."""
    if isinstance(file, UploadFile) and file.filename:
        upload: Any = file.file  # a SpooledTemporaryFile, which is a BinaryIO in all but its type
        given: BinaryIO = upload
        return given
    return io.BytesIO(rows.encode()) if rows.strip() else None


def _lines_of(file: BinaryIO) -> int:
    """Return the number of line ends, LF or CR, and rewind the file."""
    counted = {b"\n": 0, b"\r": 0}
    while piece := file.read(_PIECE):
        for sign in counted:
            counted[sign] += piece.count(sign)
    file.seek(0)
    return max(counted.values())


def _preview(file: BinaryIO) -> Preview | None:
    """Return the headings of a file, or None if they can't be read."""
    try:
        return read_preview(file, rows=0)
    except UnreadableError:
        return None
    finally:
        file.seek(0)


def show(
    request: PageRequest,
    visitor: Visitor,
    *,
    done: Imported | None = None,
    error: str | None = None,
    rows: str = "",
    skip: bool = False,
    labels: Sequence[str] = (),
) -> Response[bytes]:
    """Show the form with the result of an import; ``labels`` are those of a file that is kept because of its errors."""
    wrong = error is not None or (done is not None and not done.imported)
    names = own_names(labels)
    return page(
        request,
        "tracking_import.html",
        visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        errors={} if error is None else {"file": error},
        rows=rows,
        skip=skip,
        kept={field: labels.index(label) for field, label in names.items()},
        largest=LARGEST_FILE >> 20,
        most_lines=MOST_LINES,
        **result(done),
    )


def result(done: Imported | None) -> dict[str, Any]:
    """Return what ``import_result.html`` shows of a result."""
    shown = [] if done is None else done.mistakes[:MOST_SHOWN]
    return {"done": done, "shown": shown, "shared": [] if done is None else done.shared[:MOST_SHOWN]}


ROUTES: Final = (ask, example, bring_in, export)
