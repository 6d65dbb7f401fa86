"""Forms that were sent after their session had ended: what was typed survives signing in again.

A draft travels through the login page, sealed for the account whose page had the form, and is opened only for a user of
that account. Passwords and other secrets are left out. Nothing is stored before somebody has signed in.
"""

import base64
import binascii
import re
import time
from collections.abc import Iterable
from typing import Final
from uuid import UUID

import msgspec

from waypost.store.vault import Vault, WrongKey

OWNER: Final = "_for"
"""The field of every form that names the account whose page it is on."""

LARGEST: Final = 80 << 10
KEPT_SECONDS: Final = 12 * 60 * 60
_LONGEST_SEALED: Final = 2 * LARGEST
_PURPOSE: Final = UUID("6d2f7a0e-1f61-4b52-9d54-5b1c2e7d9a01")
"""Binds a sealed draft to its use: nothing that was sealed for anything else can be opened as one."""

_LEFT_OUT: Final = re.compile(r"password|current|secret|credential|token|key|headers|rows|^_")
_SECRET_PLACES: Final = ("/settings/alerts", "/settings/address", "/settings/password")
"""Forms whose fields are secrets under harmless names, such as the URL of a chat service."""


class Draft(msgspec.Struct, frozen=True):
    """What was typed: the page with the form, the form's own address, and its fields in their order."""

    page: str
    action: str
    fields: list[tuple[str, str]]
    at: float

    @property
    def path(self) -> str:
        """The path of the page, without its query."""
        return self.page.partition("?")[0]


def sealed_draft(vault: Vault, page: str, action: str, fields: Iterable[tuple[str, str]]) -> str | None:
    """Return a form as the login page carries it; None if it has nothing to keep, is too large, or names no account."""
    given = list(fields)
    account = next((_uuid(value) for name, value in given if name == OWNER), None)
    kept = [(name, value) for name, value in given if not _LEFT_OUT.search(name)]
    if account is None or not kept or action.startswith(_SECRET_PLACES):
        return None
    data = msgspec.json.encode(Draft(page, action, kept, time.time()))
    if len(data) > LARGEST:
        return None
    return base64.urlsafe_b64encode(vault.seal_bytes(data, account=account, owner=_PURPOSE)).decode()


def carried(text: str) -> str | None:
    """Return a sealed draft that a login form carries; None if it can't be one."""
    return text if text and len(text) <= _LONGEST_SEALED and text.isascii() else None


def opened_draft(vault: Vault, text: str, account: UUID) -> Draft | None:
    """Return a draft; None if it was sealed for another account, is too old, or is not ours."""
    try:
        data = vault.open_bytes(base64.urlsafe_b64decode(text), account=account, owner=_PURPOSE)
    except (WrongKey, binascii.Error, ValueError):
        return None
    draft = msgspec.json.decode(data, type=Draft)
    return draft if time.time() - draft.at <= KEPT_SECONDS else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(hex=text)
    except ValueError:
        return None
