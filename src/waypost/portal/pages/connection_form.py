"""The form of a connection: a carrier's credentials and what it granted, between what a browser sends and v1's bodies.

A secret is never written into a page. So that it need not be typed again after a test or an error, the page carries
what was typed sealed, as the database keeps it: only this server can open it, and only for this account.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from waypost.actions.connections import ConnectionChange, NewConnection
from waypost.actions.context import Context
from waypost.actions.refusals import Invalid, Refusal
from waypost.portal.form_versions import FIELD
from waypost.portal.wording import sentence
from waypost.store.vault import WrongKey

_CREDENTIAL: Final = "credential-"
_SETTING: Final = "setting-"
_OF_API: Final = "credentials."
_LONGEST_SEALED: Final = 16_384


class CarrierField(NamedTuple):
    """A field of a carrier in the form."""

    name: str
    label: str
    secret: bool


class ConnectionForm(msgspec.Struct, frozen=True):
    """The values of the form. ``sealed`` are the secrets of an earlier attempt, whose names are ``kept``."""

    name: str = ""
    daily_calls: str = ""
    calls_per_second: str = ""
    credentials: dict[str, str] = {}
    chosen: dict[str, str] | None = None
    """The settings of a service that pushes, by name; None for a carrier."""
    sealed: str = ""
    kept: frozenset[str] = frozenset()
    seen: str = ""
    """The version of the values that the form's page showed."""

    @property
    def settings(self) -> dict[str, str]:
        """What the carrier granted, or what was chosen for a service; what was left empty is left out."""
        if self.chosen is not None:
            return self.chosen
        given = {"daily_calls": self.daily_calls, "calls_per_second": self.calls_per_second}
        return {name: text for name, text in given.items() if text}

    def with_choices(self, chosen: dict[str, str]) -> "ConnectionForm":
        """Return the form with the settings of a service that pushes."""
        return msgspec.structs.replace(self, chosen=chosen)

    def added(self, source: str, *, untested: bool) -> NewConnection:
        """Return the body of a new connection."""
        return NewConnection(source, self.credentials, self.name or None, self.settings, untested)

    def replaced(self, *, untested: bool) -> ConnectionChange:
        """Return the body of a change of the credentials."""
        return ConnectionChange(credentials=self.credentials, untested=untested)


def read_form(given: Any, fields: tuple[CarrierField, ...], context: Context, account: UUID) -> ConnectionForm:
    """Return the form that a browser sent; a secret that was left empty is that of the previous attempt."""
    typed = {field.name: _text(given, _CREDENTIAL + field.name) for field in fields}
    before = _open(_text(given, "sealed"), context, account)
    secrets = {
        field.name: text for field in fields if field.secret and (text := typed[field.name] or before.get(field.name))
    }
    credentials = {name: text for name, text in (typed | secrets).items() if text}
    return ConnectionForm(
        name=_text(given, "name"),
        daily_calls=_text(given, "daily_calls"),
        calls_per_second=_text(given, "calls_per_second"),
        credentials=credentials,
        sealed=_seal(secrets, context, account),
        kept=frozenset(secrets),
        seen=_text(given, FIELD),
    )


def read_choices(given: Any, choices: Iterable[str], texts: Iterable[str]) -> dict[str, str]:
    """Return the settings of a service that pushes: ticked boxes, and texts."""
    ticked = {name: "yes" if _text(given, _SETTING + name) == "yes" else "no" for name in choices}
    return ticked | {name: text for name in texts if (text := _text(given, _SETTING + name))}


def errors_of(refusal: Refusal, fields: tuple[CarrierField, ...]) -> dict[str, str]:
    """Return a sentence for each invalid field of the form; ``""`` is about the whole form."""
    if not isinstance(refusal, Invalid):
        return {"": refusal.sentence}
    labels = {field.name: field.label for field in fields}
    found = {}
    for fault in refusal.faults:
        if fault.field.startswith(_OF_API):
            name = fault.field.removeprefix(_OF_API)
            label = labels.get(name, name)
            found[_CREDENTIAL + name] = sentence(f"{label} {fault.message.removesuffix(f': {label}')}")
        else:
            found[fault.field.removeprefix("settings.")] = sentence(fault.message)
    return found


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _seal(secrets: Mapping[str, str], context: Context, account: UUID) -> str:
    if not secrets:
        return ""
    sealed = context.vault.seal(msgspec.json.encode(secrets).decode(), account=account, endpoint=_FORM)
    return base64.urlsafe_b64encode(sealed).decode()


def _open(sealed: str, context: Context, account: UUID) -> dict[str, str]:
    """Return the secrets of the try before; none for what this server did not seal for this account."""
    if not sealed or len(sealed) > _LONGEST_SEALED:
        return {}
    try:
        opened = context.vault.open(base64.urlsafe_b64decode(sealed), account=account, endpoint=_FORM)
        return msgspec.json.decode(opened, type=dict[str, str])
    except (binascii.Error, ValueError, WrongKey):
        return {}


_FORM: Final = UUID(bytes=blake2b(b"form of a connection", digest_size=16).digest())
"""What sealed secrets of forms are bound to: they open as no connection's and no endpoint's."""
