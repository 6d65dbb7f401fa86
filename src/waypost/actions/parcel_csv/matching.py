"""Match the columns of an uploaded CSV file with fields: the file waits, and the mapping is remembered by headings."""

import io
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import BinaryIO
from uuid import UUID

import msgspec

from waypost.actions.actor import Actor
from waypost.actions.context import DatabaseContext
from waypost.actions.parcel_csv.headings import guess, remembered
from waypost.store import uploaded_file_changes, uploaded_files


async def keep_file(context: DatabaseContext, user: UUID, file: BinaryIO) -> None:
    """Keep a user's file for an hour, instead of an earlier one. ``file`` is read from its beginning."""
    file.seek(0)
    async with context.database.serving.acquire() as session:
        await uploaded_file_changes.put_uploaded_file(session, user, file.read())


async def kept_file(context: DatabaseContext, user: UUID) -> BinaryIO | None:
    """Return the file that waits, or None."""
    async with context.database.serving.acquire() as session:
        content = await uploaded_files.uploaded_file(session, user)
    return None if content is None else io.BytesIO(content)


async def likely_mapping(context: DatabaseContext, actor: Actor, labels: Sequence[str]) -> dict[str, str]:
    """Return the label of each field as the account last chose it for these headings; otherwise a guess."""
    async with context.database.serving.acquire() as session:
        known = await uploaded_files.column_mapping(session, actor.account, _digest(labels))
    if known is None:
        return guess(labels)
    return remembered(labels, msgspec.json.decode(known, type=dict[str, str]))


async def remember(context: DatabaseContext, actor: Actor, labels: Sequence[str], mapping: Mapping[str, str]) -> None:
    """Remember the label of each field for the account's next file with these headings."""
    columns = msgspec.json.encode(mapping).decode()
    async with context.database.serving.acquire() as session:
        await uploaded_file_changes.put_column_mapping(session, actor.account, _digest(labels), columns)


async def forget_file(context: DatabaseContext, user: UUID) -> None:
    """Delete a user's file."""
    async with context.database.serving.acquire() as session:
        await uploaded_file_changes.delete_uploaded_file(session, user)


def _digest(labels: Sequence[str]) -> bytes:
    return sha256(msgspec.json.encode(list(labels))).digest()
