"""The settings of an endpoint, read from a request; all errors are reported together."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from waypost.actions.constraints import as_long_as, between, one_of
from waypost.actions.refusals import Fault, Invalid, fault_of
from waypost.domain.audit import Changes
from waypost.domain.custom_headers import check_headers
from waypost.domain.endpoint_health import LONGEST_DAYS, USUAL_DAYS
from waypost.domain.endpoints import Ordering, Trigger, Version
from waypost.domain.errors import InvalidInput
from waypost.domain.statuses import SELECTABLE
from waypost.domain.targets import same_place, stored_url
from waypost.domain.texts import check_line
from waypost.signing.errors import InvalidSecret
from waypost.signing.standard import check_secret

ALL: Final = "all"
LONGEST_DESCRIPTION: Final = 200
HIGHEST_RATE: Final = 1000


class EndpointChange(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a change; fields that are left out stay unchanged."""

    url: str | UnsetType = UNSET
    description: Annotated[str, as_long_as(0, LONGEST_DESCRIPTION)] | UnsetType = UNSET
    version: Annotated[str, one_of(Version)] | UnsetType = UNSET
    statuses: Annotated[str, one_of([ALL])] | list[Annotated[str, one_of(SELECTABLE)]] | UnsetType = UNSET
    trigger: Annotated[str, one_of(Trigger)] | UnsetType = UNSET
    ordering: Annotated[str, one_of(Ordering)] | UnsetType = UNSET
    rate_limit_per_second: Annotated[int, between(1, HIGHEST_RATE)] | UnsetType | None = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    disable_after_days: Annotated[int, between(1, LONGEST_DAYS)] | UnsetType | None = UNSET
    recover_automatically: bool | UnsetType = UNSET
    allow_duplicate: bool = False


class EndpointCreation(EndpointChange, forbid_unknown_fields=True):
    """The body of a creation. If ``secret`` is left out, one is generated."""

    secret: str | None = None


class EndpointSettings(msgspec.Struct, frozen=True):
    """The settings of an endpoint. ``statuses`` None means all, ``disable_after_days`` None never."""

    url: str = ""
    description: str = ""
    version: str = Version.V4
    statuses: list[str] | None = None
    trigger: str = Trigger.EVERY_UPDATE
    ordering: str = Ordering.ORDERED
    rate_limit_per_second: int | None = None
    headers: dict[str, str] = {}
    disable_after_days: int | None = USUAL_DAYS
    recover_automatically: bool = False

    def overlaps(self, other: "EndpointSettings") -> bool:
        """Return whether events would be sent twice to one URL, in one version."""
        if self.version != other.version or not same_place(self.url, other.url):
            return False
        if self.statuses is None or other.statuses is None:
            return True
        return not set(self.statuses).isdisjoint(other.statuses)


def changes_of(before: EndpointSettings | None, after: EndpointSettings) -> Changes:
    """Return the changes for the audit log. Custom headers appear by name only: their values may be secrets."""
    were = {} if before is None else _shown(before)
    return {name: (were.get(name), text) for name, text in _shown(after).items() if text != were.get(name)}


def _shown(chosen: EndpointSettings) -> dict[str, str | None]:
    statuses = ALL if chosen.statuses is None else ", ".join(chosen.statuses)
    limit = chosen.rate_limit_per_second
    texts = {
        "statuses": statuses,
        "rate_limit_per_second": None if limit is None else str(limit),
        "headers": ", ".join(sorted(chosen.headers)) or None,
        "disable_after_days": "never" if chosen.disable_after_days is None else str(chosen.disable_after_days),
        "recover_automatically": "true" if chosen.recover_automatically else None,
    }
    return {
        name: texts[name] if name in texts else getattr(chosen, name) or None
        for name in EndpointSettings.__struct_fields__
    }


def settings_after(
    body: EndpointChange, before: EndpointSettings | None, check_url: Callable[[str], None]
) -> EndpointSettings:
    """Return an endpoint's settings after a change to ``before``, or those of a new endpoint without it.

    Raise Invalid with all errors.
    """
    faults: list[Fault] = []
    if before is None and body.url is UNSET:
        faults.append(Fault("url", "is required"))
    fields = EndpointSettings(
        url=_url(body.url, check_url, faults),
        description=_description(body.description, faults),
        version=_one_of(body.version, Version, "version", faults),
        statuses=_statuses(body.statuses, faults),
        trigger=_one_of(body.trigger, Trigger, "trigger", faults),
        ordering=_one_of(body.ordering, Ordering, "ordering", faults),
        rate_limit_per_second=_rate_limit(body.rate_limit_per_second, faults),
        headers=_headers(body.headers, faults),
        disable_after_days=_days(body.disable_after_days, faults),
        recover_automatically=body.recover_automatically is True,
    )
    if isinstance(body, EndpointCreation) and body.secret is not None:
        faults.extend(secret_faults(body.secret))
    if faults:
        raise Invalid(faults)
    kept = before or EndpointSettings()
    given = {
        name: value
        for name in fields.__struct_fields__
        if getattr(body, name) is not UNSET
        for value in [getattr(fields, name)]
    }
    return msgspec.structs.replace(kept, **given)


def _url(url: str | UnsetType, check: Callable[[str], None], faults: list[Fault]) -> str:
    if url is UNSET:
        return ""
    try:
        check(str(url))
    except InvalidInput as error:
        faults.append(Fault("url", error.message))
        return ""
    return stored_url(str(url))


def _description(text: str | UnsetType, faults: list[Fault]) -> str:
    if text is UNSET:
        return ""
    try:
        return check_line("description", str(text), LONGEST_DESCRIPTION)
    except InvalidInput as error:
        faults.append(fault_of(error))
        return ""


def _statuses(given: str | list[str] | UnsetType, faults: list[Fault]) -> list[str] | None:
    """Return the selected statuses, or None for all."""
    if given is UNSET or given == ALL:
        return None
    allowed = [status.value for status in SELECTABLE]
    if not isinstance(given, list) or not 0 < len(given) <= len(allowed):
        faults.append(
            Fault("statuses", f'must be "{ALL}" or a non-empty list of {", ".join(allowed)} without duplicates')
        )
        return None
    for place, status in enumerate(given):
        if status not in allowed:
            faults.append(Fault(f"statuses[{place}]", f"must be one of {', '.join(allowed)}"))
        elif status in given[:place]:
            faults.append(Fault(f"statuses[{place}]", "is a duplicate"))
    return [status for status in allowed if status in given]


def _one_of(text: str | UnsetType, kinds: type[StrEnum], field: str, faults: list[Fault]) -> str:
    if text is not UNSET and text not in list(kinds):
        faults.append(Fault(field, f"must be one of {', '.join(kinds)}"))
    return "" if text is UNSET else str(text)


def _rate_limit(limit: int | UnsetType | None, faults: list[Fault]) -> int | None:
    """Return the limit, or None for no limit."""
    if limit is UNSET or limit is None:
        return None
    if not 1 <= limit <= HIGHEST_RATE:
        faults.append(Fault("rate_limit_per_second", f"must be from 1 to {HIGHEST_RATE}, or null for no limit"))
    return limit


def _days(days: int | UnsetType | None, faults: list[Fault]) -> int | None:
    """Return after how many days a failing endpoint is disabled, or None for never."""
    if days is UNSET or days is None:
        return None
    if not 1 <= days <= LONGEST_DAYS:
        faults.append(Fault("disable_after_days", f"must be from 1 to {LONGEST_DAYS}, or null for never"))
    return days


def _headers(given: dict[str, str] | UnsetType, faults: list[Fault]) -> dict[str, str]:
    try:
        return {} if given is UNSET else check_headers(given)
    except InvalidInput as error:
        faults.append(fault_of(error))
        return {}


def secret_faults(secret: str) -> list[Fault]:
    """Return the errors of a custom secret."""
    try:
        check_secret(secret)
    except InvalidSecret as error:
        return [Fault("secret", str(error))]
    return []
