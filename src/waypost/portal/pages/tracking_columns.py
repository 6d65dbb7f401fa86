"""``/trackings/import/columns``: match the columns of an uploaded CSV file with fields, and import it."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Final

from litestar import Response, get, post
from litestar.datastructures import FormMultiDict

from waypost.actions.parcel_csv import matching
from waypost.actions.parcel_csv.headings import MAPPED_FIELDS, NUMBER
from waypost.actions.parcel_csv.importing import Imported, import_file
from waypost.actions.parcel_csv.rows import Preview, read_preview
from waypost.actions.refusals import Busy, Conflict, Unavailable
from waypost.actions.shared_numbers import shared_numbers
from waypost.actions.trackings import create
from waypost.portal.pages import tracking_import
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store.accounts import Visitor

PATH: Final = "/trackings/import/columns"
PREVIEWED: Final = 3
FIELD: Final = "column-"
"""What the name of a field of the form begins with; the rest names the parcel's field."""

USUAL: Final = 6
"""The number of fields that are shown at once; the others can be unfolded."""

GONE: Final = "Choose the file again: an uploaded file is kept until it is imported, for one hour at most."
_LABELS: Final = {
    "tracking_number": "Tracking number",
    "courier_code": "Courier (name or code)",
    "customer_email": "Customer e-mail",
    "customer_sms": "Customer phone",
    "order_id": "Order ID",
    "origin_country_iso2": "Origin country (two letters)",
    "destination_country_iso2": "Destination country (two letters)",
}


@get(PATH)
async def ask(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the headings and first rows of a kept file, and the column of each field, as last chosen or guessed."""
    visitor = await enter(request, pages)
    file = await matching.kept_file(pages.context, visitor.id)
    if file is None:
        return _gone(request)
    preview = read_preview(file, rows=PREVIEWED)
    mapping = await matching.likely_mapping(pages.context, actor_of(request, visitor), preview.labels)
    return _page(request, visitor, preview, mapping)


@post(PATH)
async def bring_in(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Handle the form: register the parcels of the uploaded file with this mapping, or list the errors by row."""
    visitor = await enter(request, pages)
    form = await request.form()
    skip, actor = "skip" in form, actor_of(request, visitor)
    register = partial(create, pages.context, actor, source="WEB")
    compare = partial(shared_numbers, pages.context, actor)
    async with pages.context.rooms.imports.hold(visitor.account):
        file = await matching.kept_file(pages.context, visitor.id)
        if file is None:
            return _gone(request)
        preview = read_preview(file, rows=PREVIEWED)
        mapping, errors = _chosen(form, preview)
        if errors:
            return _page(request, visitor, preview, mapping, errors=errors, skip=skip)
        await matching.remember(pages.context, actor, preview.labels, mapping)
        file.seek(0)
        try:
            done = await import_file(file, register, compare, skip_mistakes=skip, seen=lambda *_: None, mapping=mapping)
        except (Busy, Conflict, Unavailable) as refusal:
            said = f"{refusal.sentence} Import the same file again: parcels registered so far are kept."
            return _page(request, visitor, preview, mapping, errors={NUMBER: said}, skip=skip)
        if not done.imported:
            return _page(request, visitor, preview, mapping, done=done, skip=skip)
        await matching.forget_file(pages.context, visitor.id)
    return tracking_import.show(request, visitor, done=done)


def _chosen(form: FormMultiDict, preview: Preview) -> tuple[dict[str, str], dict[str, str]]:
    """Return the label of each field for which a column was chosen, and the errors by field."""
    mapping, errors = {}, {}
    for field in MAPPED_FIELDS:
        place = str(form.get(FIELD + field, ""))
        if place.isdecimal() and place.isascii() and int(place[:4]) < len(preview.labels):
            mapping[field] = preview.labels[int(place[:4])]
        elif place:
            errors[field] = "Must be one of the columns."
    if NUMBER not in mapping and NUMBER not in errors:
        errors[NUMBER] = "Choose the column that has the tracking numbers."
    return mapping, errors


def _gone(request: PageRequest) -> Response[bytes]:
    notify(request, GONE)
    return go_to(tracking_import.PATH)


def _page(
    request: PageRequest,
    visitor: Visitor,
    preview: Preview,
    mapping: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    done: Imported | None = None,
    skip: bool = False,
) -> Response[bytes]:
    fields = [(field, _LABELS.get(field, field.replace("_", " ").capitalize())) for field in MAPPED_FIELDS]
    rows = [row + [""] * (len(preview.labels) - len(row)) for row in preview.rows]
    return page(
        request,
        "tracking_columns.html",
        visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors or done else HTTPStatus.OK,
        usual=fields[:USUAL],
        others=fields[USUAL:],
        unfolded=any(field in mapping or field in (errors or {}) for field in MAPPED_FIELDS[USUAL:]),
        columns=[(label, [row[place] for row in rows]) for place, label in enumerate(preview.labels)],
        previewed=len(rows),
        chosen=mapping,
        errors=errors or {},
        skip=skip,
        **tracking_import.result(done),
    )


ROUTES: Final = (ask, bring_in)
