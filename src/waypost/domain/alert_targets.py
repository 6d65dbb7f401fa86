"""Where a channel's messages go: the fields of each service, checked."""

import re
from collections.abc import Callable, Mapping
from datetime import time
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from waypost.domain.accounts import check_email
from waypost.domain.alerts import AlertService
from waypost.domain.errors import InvalidInput
from waypost.domain.targets import stored_url

TELEGRAM: Final = "https://api.telegram.org"
PAGERDUTY: Final = "https://events.pagerduty.com/v2/enqueue"


class TargetField(msgspec.Struct, frozen=True):
    """A field: its name in calls, its label on pages, and what it is if it is left out (None: it is required)."""

    name: str
    label: str
    otherwise: str | None = None
    secret: bool = False


_URL: Final = TargetField("url", "URL of the incoming webhook", secret=True)
FIELDS: Final[Mapping[AlertService, tuple[TargetField, ...]]] = {
    AlertService.EMAIL: (TargetField("address", "E-mail address of a user"),),
    AlertService.SLACK: (_URL,),
    AlertService.TEAMS: (TargetField("url", "URL of the workflow", secret=True),),
    AlertService.TELEGRAM: (
        TargetField("bot_token", "Bot token", secret=True),
        TargetField("chat_id", "Chat ID"),
        TargetField("url", "API URL", TELEGRAM),
    ),
    AlertService.PAGERDUTY: (
        TargetField("routing_key", "Integration key", secret=True),
        TargetField("url", "Events API URL", PAGERDUTY),
    ),
    AlertService.NTFY: (TargetField("url", "URL of the topic"), TargetField("token", "Access token", "", secret=True)),
    AlertService.WEBHOOK: (TargetField("url", "URL"),),
}

_FORMS: Final = {
    "bot_token": (
        re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}"),
        "must be a token of BotFather, such as 123456:ABC-DEF",
    ),
    "chat_id": (re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{1,64}"), "must be a number, or @ and the name of a channel"),
    "routing_key": (re.compile(r"[A-Za-z0-9]{1,64}"), "must be the integration key of an Events API v2 integration"),
    "token": (re.compile(r"[A-Za-z0-9_-]{0,100}"), "must consist of letters, digits, _ and -"),
}
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_ZONE: Final = re.compile(r"[A-Za-z0-9_+/-]{1,64}", re.ASCII)


def read_target(service: AlertService, given: Mapping[str, str], check_url: Callable[[str], None]) -> dict[str, str]:
    """Return a channel's target. Raise InvalidInput for a field that is missing, unknown or malformed."""
    fields = {one.name: one for one in FIELDS[service]}
    for name in given:
        if name not in fields:
            raise InvalidInput(name, f"is not a field of {service.value}")
    target = {}
    for name, one in fields.items():
        text = given.get(name, "").strip() or one.otherwise
        if text is None:
            raise InvalidInput(name, "is required")
        target[name] = _checked(name, text, check_url)
    if service is AlertService.NTFY and urlsplit(target["url"]).path.count("/") != 1:
        raise InvalidInput("url", "must be the URL of a topic, such as https://ntfy.sh/my-topic")
    return target


def _checked(name: str, text: str, check_url: Callable[[str], None]) -> str:
    if name == "url":
        check_url(text)
        return stored_url(text)
    if name == "address":
        try:
            return check_email(text)
        except InvalidInput as error:
            raise InvalidInput("address", error.message) from None
    form, reason = _FORMS[name]
    if not form.fullmatch(text) and text:
        raise InvalidInput(name, reason)
    return text


def shown_target(service: AlertService, target: Mapping[str, str]) -> str:
    """Return what may be shown of a target: an address, a chat, or the host of a URL whose path is a secret."""
    match service:
        case AlertService.EMAIL:
            return target["address"]
        case AlertService.TELEGRAM:
            return f"chat {target['chat_id']}"
        case AlertService.NTFY | AlertService.WEBHOOK:
            return target["url"]
        case _:
            return urlsplit(target["url"]).hostname or ""


def read_quiet_hours(start: str, end: str) -> tuple[time, time] | tuple[None, None]:
    """Return the start and the end of quiet hours, or nothing for two empty texts. Raise InvalidInput."""
    if not start and not end:
        return None, None
    for name, text in (("quiet_from", start), ("quiet_until", end)):
        if not _TIME.fullmatch(text):
            raise InvalidInput(name, "must be a time such as 22:00, or both empty")
    if start == end:
        raise InvalidInput("quiet_until", "must differ from quiet_from")
    return time.fromisoformat(start), time.fromisoformat(end)


def check_time_zone(name: str) -> str:
    """Return the name of a time zone. Raise InvalidInput for anything else."""
    try:
        if _ZONE.fullmatch(name):
            return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        pass
    raise InvalidInput("time_zone", "must be the name of a time zone, such as Europe/Berlin")
