"""``waypost trackings``: import an account's parcels from a CSV file, export them, and read their scans again."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO, Final

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import Progress

from waypost.actions import rereading
from waypost.actions.context import DatabaseContext
from waypost.actions.erasing import Erased, erase_customer
from waypost.actions.parcel_csv.exporting import export as exported
from waypost.actions.parcel_csv.headings import own_names
from waypost.actions.parcel_csv.importing import Imported, Seen, Stage, import_file
from waypost.actions.parcel_csv.rows import UnreadableError, printable, read_preview
from waypost.actions.parcel_fields import PARCEL_FIELDS
from waypost.actions.refusals import Busy, Conflict, Unavailable
from waypost.actions.rereading import Reread
from waypost.actions.shared_numbers import shared_numbers
from waypost.actions.trackings import create
from waypost.app.registering import registering
from waypost.app.storage import migrated_database
from waypost.cli.answers import answer, answer_json
from waypost.cli.confirming import agrees
from waypost.cli.emails import operator_for
from waypost.cli.options import Account, AsJson, DatabaseUrl, DataDir, Yes, chosen, progress
from waypost.cli.terminal import printable_lines
from waypost.domain.errors import InvalidInput
from waypost.domain.tracking_numbers import normalise_number
from waypost.settings import Settings
from waypost.sources.carriers import rereaders

APPLICATION: Final = App(name="trackings", help="Import, export, read again and erase data of an account's parcels.")


@APPLICATION.command(name="import")
def import_csv(
    file: Annotated[
        Path, Parameter(help="A CSV file in UTF-8 whose first line names the fields as API v4 does, or see --map.")
    ],
    *,
    account: Account,
    columns: Annotated[
        list[str] | None,
        Parameter(
            name="--map",
            negative="",
            help='The column of a field, such as tracking_number="Tracking No."; repeatable. Other columns are then '
            "read if they are named like a field, and otherwise ignored.",
        ),
    ] = None,
    skip_errors: Annotated[
        bool, Parameter(negative="", help="Import the valid rows even if others are invalid.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Register the parcels of a CSV file. If a row is invalid, nothing is imported, and each error is listed.

    Registered parcels are not changed, so an interrupted import can be repeated.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    try:
        with file.open("rb") as opened, _bars(file) as seen:
            mapping = _mapping(opened, columns)
            done = asyncio.run(_import(settings, account, opened, skip=skip_errors, seen=seen, mapping=mapping))
    except OSError as error:
        raise InvalidInput("file", f"can't be read: {error.strerror}") from None
    _tell(done, as_json=as_json)
    if not done.imported:
        raise InvalidInput("file", f"{done.mistaken} of {done.rows} rows are invalid; nothing was imported")


def _mapping(file: BinaryIO, columns: list[str] | None) -> dict[str, str] | None:
    """Return the label of each field's column: those that ``columns`` names, and those that are named like a field."""
    if not columns:
        return None
    try:
        labels = read_preview(file, rows=0).labels
    except UnreadableError as error:
        raise InvalidInput("file", f"can't be read: {error.mistake.reason}") from None
    file.seek(0)
    mapping = own_names(labels)
    for column in columns:
        field, sign, heading = column.partition("=")
        if not sign or field not in PARCEL_FIELDS:
            raise InvalidInput(
                "map", f"must be FIELD=HEADING, with one of the fields {', '.join(sorted(PARCEL_FIELDS))}"
            )
        label = next((one for one in labels if one.casefold() == heading.strip().casefold()), None)
        if label is None:
            shown = ", ".join(printable(one) for one in labels)
            raise InvalidInput("map", f"names the column {printable(heading)}, but the file has {shown}")
        mapping[field] = label
    return mapping


@APPLICATION.command
def export(
    *,
    account: Account,
    out: Annotated[Path | None, Parameter(help="The file to write. Default: standard output.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write an account's parcels as CSV, newest first, including archived ones. `import` accepts the file."""
    settings = chosen(data_dir=data_dir, database_url=database_url)
    if out is None:
        asyncio.run(_export(settings, account, _show if sys.stdout.isatty() else sys.stdout.buffer.write))
        sys.stdout.flush()
        return
    half = out.with_name(out.name + ".part")
    try:
        with half.open("wb") as opened:
            asyncio.run(_export(settings, account, opened.write))
        half.replace(out)
    except OSError as error:
        raise InvalidInput("out", f"can't be written: {error.strerror}") from None
    finally:
        half.unlink(missing_ok=True)


@APPLICATION.command
def reread(
    *,
    account: Account,
    dry_run: Annotated[bool, Parameter(negative="", help="Only count what would change.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Read the known checkpoints of an account again, after an upgrade that understands more codes or words.

    An upgrade does not change parcels. This command first counts what would change, and asks for confirmation. Each
    parcel that changes creates an event, and its webhooks are sent. A status that was given through the API stays.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    found = asyncio.run(_reread(settings, account, dry_run=True))
    if found.parcels_changed and not dry_run and (yes or _agreed(found)):
        found = asyncio.run(_reread(settings, account, dry_run=False))
    answer(found, _reread_in_words(found), as_json=as_json)


def _agreed(found: Reread) -> bool:
    question = "Change them, and send the webhooks of these changes?"
    return agrees(_reread_in_words(found), question, instead=", or --dry-run to count only")


def _reread_in_words(found: Reread) -> str:
    verb = "changed" if found.done else "would change"
    return (
        f"{found.parcels_changed:,} of {found.parcels:,} parcels {verb}: {found.checkpoints_changed:,} checkpoints, "
        f"{found.statuses_changed:,} statuses."
    )


async def _reread(settings: Settings, email: str, *, dry_run: bool) -> Reread:
    async with migrated_database(settings, progress) as database:
        actor = await operator_for(database, email)
        async with registering(database, settings) as context:
            try:
                return await rereading.reread(context, actor, rereaders(), dry_run=dry_run)
            except (Busy, Unavailable) as refusal:
                raise Unavailable(f"{refusal.sentence} What was read again stays; run the command again.") from None


async def _import(
    settings: Settings, email: str, file: BinaryIO, *, skip: bool, seen: Seen, mapping: Mapping[str, str] | None
) -> Imported:
    async with migrated_database(settings, progress) as database:
        actor = await operator_for(database, email)
        async with registering(database, settings) as context:
            taking = partial(create, context, actor, source="WEB")
            compare = partial(shared_numbers, context, actor)
            try:
                return await import_file(file, taking, compare, skip_mistakes=skip, seen=seen, mapping=mapping)
            except (Busy, Conflict, Unavailable) as refusal:
                raise Unavailable(f"{refusal.sentence} Import the file again: what is there stays.") from None


@APPLICATION.command
def erase(
    *,
    account: Account,
    customer: Annotated[
        str | None, Parameter(help="The customer's name, e-mail address or phone number, as the shop gave it.")
    ] = None,
    numbers: Annotated[
        list[str] | None, Parameter(name="--number", negative="", help="The number of a parcel; repeatable.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Erase the data of a customer, or whatever is known about persons, from parcels and all their events.

    That is names, e-mail addresses, phone numbers, postcodes and who signed. You can't undo this. A courier that needs
    the postcode can't be polled for such a parcel any more.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    wanted = tuple(normalise_number(number) for number in numbers or ())
    if not wanted and not customer:
        raise InvalidInput("customer", "is required, or --number")

    async def act() -> Erased:
        async with migrated_database(settings, progress) as database:
            actor = await operator_for(database, account)
            return await erase_customer(DatabaseContext(database=database), actor, numbers=wanted, customer=customer)

    done = asyncio.run(act())
    shown = f"Erased from {done.parcels:,} {'parcel' if done.parcels == 1 else 'parcels'}."
    answer(done, shown, as_json=as_json)


async def _export(settings: Settings, email: str, write: Callable[[bytes], object]) -> None:
    async with migrated_database(settings, progress) as database:
        actor = await operator_for(database, email)
        async for piece in exported(DatabaseContext(database=database), actor):
            write(piece)


def _show(piece: bytes) -> None:
    """Write whole rows to a terminal, without characters of carriers or customers that control it."""
    sys.stdout.write(printable_lines(piece.decode().removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")))


@contextmanager
def _bars(file: Path) -> Iterator[Seen]:
    """Show the progress of each stage on a terminal."""
    total = file.stat().st_size
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as shown:
        bars = {stage: shown.add_task(stage.value, total=total, visible=False) for stage in Stage}
        yield lambda stage, seen: shown.update(bars[stage], completed=seen, visible=True)


def _tell(done: Imported, *, as_json: bool) -> None:
    if as_json:
        answer_json(done)
        return
    for one in done.mistakes:
        progress(f"line {one.line}: {one.field + ': ' if one.field else ''}{one.reason}")
    if done.mistaken > len(done.mistakes):
        progress(f"… and {done.mistaken - len(done.mistakes)} more")
    for parcel in done.shared:
        also = ", ".join(parcel.also_tracked_with)
        progress(f"{parcel.tracking_number} ({parcel.courier_code}) is also tracked with {also}")
    if done.imported:
        skipped = f", {done.mistaken} skipped" if done.mistaken else ""
        print(f"{done.created} registered, {done.existing} there already{skipped}.")  # noqa: T201 - the answer
