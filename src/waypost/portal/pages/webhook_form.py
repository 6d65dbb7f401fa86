"""The form of an endpoint: convert between a browser's fields and the settings that actions accept."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from waypost.actions.endpoint_settings import ALL, EndpointChange, EndpointCreation, EndpointSettings
from waypost.actions.endpoints import ENDPOINT_EXISTS
from waypost.actions.refusals import Conflict, Fault, Invalid, Refusal
from waypost.domain.endpoint_health import USUAL_DAYS
from waypost.domain.endpoints import Ordering, Trigger, Version
from waypost.domain.statuses import Status
from waypost.portal.form_errors import errors_by_field
from waypost.portal.form_versions import FIELD, changed_since, conflict, version_of

CHANGED_MEANWHILE: Final = "changed_meanwhile"
LABELS: Final = {
    "url": "Webhook URL",
    "description": "Description",
    "version": "Version",
    "statuses": "Statuses",
    "trigger": "When",
    "ordering": "Ordering",
    "rate_limit": "Maximum webhooks per second",
    "headers": "Custom headers",
    "disable_after_days": "Disable after days of failure",
    "recover_automatically": "Recover missed events automatically",
}
_HIDDEN: Final = {"headers": "other ones"}
"""Custom headers may be secrets, so a notice never shows them."""


class WebhookForm(msgspec.Struct, frozen=True):
    """The values of the form's fields. ``headers`` are lines of ``name: value``."""

    url: str = ""
    description: str = ""
    version: str = Version.V4
    all_statuses: bool = True
    statuses: Sequence[str] = ()
    trigger: str = Trigger.EVERY_UPDATE
    ordering: str = Ordering.ORDERED
    rate_limit: str = ""
    headers: str = ""
    disable_after_days: str = str(USUAL_DAYS)
    recover_automatically: bool = False
    secret: str = ""
    allow_duplicate: bool = False
    seen: str = ""

    @property
    def compared(self) -> dict[str, str]:
        """What two people may change at the same time, by field: the values as texts."""
        return {
            "url": self.url,
            "description": self.description,
            "version": self.version,
            "statuses": "All statuses" if self.all_statuses else ", ".join(_labels(self.statuses)),
            "trigger": self.trigger,
            "ordering": str(self.ordering),
            "rate_limit": self.rate_limit,
            "headers": self.headers,
            "disable_after_days": self.disable_after_days,
            "recover_automatically": "yes" if self.recover_automatically else "no",
        }

    def added(self) -> EndpointCreation:
        """Return the endpoint to create. Raise Invalid for malformed header lines."""
        return EndpointCreation(**self._fields(), secret=self.secret or None)

    def changed(self) -> EndpointChange:
        """Return the change to an endpoint. Raise Invalid for malformed header lines."""
        return EndpointChange(**self._fields())

    def _fields(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "description": self.description,
            "version": self.version,
            "statuses": ALL if self.all_statuses else list(self.statuses),
            "trigger": self.trigger or UNSET,
            "ordering": self.ordering or UNSET,
            "rate_limit_per_second": _whole("rate_limit_per_second", self.rate_limit),
            "headers": _headers(self.headers),
            "disable_after_days": _whole("disable_after_days", self.disable_after_days),
            "recover_automatically": self.recover_automatically,
            "allow_duplicate": self.allow_duplicate,
        }


def read_form(given: Any) -> WebhookForm:
    """Return the form that a browser sent; missing fields count as empty."""
    return WebhookForm(
        url=_text(given, "url").strip(),
        description=_text(given, "description").strip(),
        version=_text(given, "version"),
        all_statuses=_text(given, "which") != "some",
        statuses=[str(status) for status in given.getall("status", [])],
        trigger=_text(given, "trigger"),
        ordering=_text(given, "ordering"),
        rate_limit=_text(given, "rate_limit_per_second").strip(),
        headers=_text(given, "headers"),
        disable_after_days=_text(given, "disable_after_days").strip(),
        recover_automatically=_text(given, "recover_automatically") == "true",
        secret=_text(given, "secret"),
        allow_duplicate=_text(given, "allow_duplicate") == "true",
        seen=_text(given, FIELD),
    )


def form_errors(refusal: Refusal, form: WebhookForm) -> dict[str, str]:
    """Return the errors by field, in the form's own words."""
    errors = errors_by_field(refusal)
    if "statuses" in errors and not form.statuses:
        errors["statuses"] = "Choose at least one status, or All statuses."
    return errors


def is_duplicate(refusal: Refusal) -> bool:
    """Return whether a form was refused only because another endpoint gets the same events."""
    return isinstance(refusal, Conflict) and refusal.code == ENDPOINT_EXISTS


def is_overwriting(refusal: Refusal) -> bool:
    """Return whether a form was refused because somebody has changed the endpoint in between."""
    return isinstance(refusal, Conflict) and refusal.code == CHANGED_MEANWHILE


def form_of(chosen: EndpointSettings) -> WebhookForm:
    """Return the form filled with an endpoint's current settings."""
    form = WebhookForm(
        url=chosen.url,
        description=chosen.description,
        version=chosen.version,
        all_statuses=chosen.statuses is None,
        statuses=chosen.statuses or (),
        trigger=chosen.trigger,
        ordering=chosen.ordering,
        rate_limit="" if chosen.rate_limit_per_second is None else str(chosen.rate_limit_per_second),
        headers="\n".join(f"{name}: {value}" for name, value in chosen.headers.items()),
        disable_after_days="" if chosen.disable_after_days is None else str(chosen.disable_after_days),
        recover_automatically=chosen.recover_automatically,
    )
    return msgspec.structs.replace(form, seen=version_of(form.compared))


def reject_overwriting(sent: WebhookForm, stored: EndpointSettings) -> None:
    """Raise Conflict if somebody has changed the endpoint since the form's page was made."""
    now = form_of(stored).compared
    if names := changed_since(sent.seen, now):
        raise Conflict(CHANGED_MEANWHILE, conflict(names, now | _HIDDEN, LABELS))


def _labels(statuses: Sequence[str]) -> list[str]:
    return [Status(one).label if one in list(Status) else one for one in statuses]


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, "")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def _whole(field: str, text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        raise Invalid([Fault(field, "must be a whole number")])
    return int(text)


def _headers(lines: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for number, line in enumerate(lines.split("\n"), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise _line(number, "must look like name: value")
        if name.strip() in headers:
            raise _line(number, f"repeats the header name {name.strip()}")
        headers[name.strip()] = value.strip()
    return headers


def _line(number: int, message: str) -> Invalid:
    return Invalid([Fault("headers", f"line {number} {message}")])
