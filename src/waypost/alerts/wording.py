"""What a message says: a title, and for each incident what is wrong, since when, and where to repair it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from waypost.domain.alerts import Content, WaitingAlert, What
from waypost.domain.incidents import PLACES, TITLES, Kind
from waypost.domain.times import spoken

LONGEST_TITLE: Final = 150
_NAMES: Final = {What.OPENED: "", What.REMINDED: "Still: ", What.CLOSED: "Resolved: "}


class Item(msgspec.Struct, frozen=True):
    """One alert in a message. ``link`` is None if the installation's public URL is not set."""

    title: str
    message: str
    when: str
    link: str | None


class Message(msgspec.Struct, frozen=True):
    """What is sent to people. ``is_over`` says that everything in it is resolved."""

    title: str
    items: tuple[Item, ...]
    is_over: bool

    @property
    def text(self) -> str:
        """The message as plain text."""
        return "\n\n".join(
            "\n".join(filter(None, (item.title, item.message, item.when, item.link))) for item in self.items
        )


def message_of(alerts: Sequence[WaitingAlert], public_url: str | None) -> Message:
    """Return the message for one alert, or one message for several."""
    items = tuple(_item(alert, public_url) for alert in alerts)
    title = items[0].title if len(items) == 1 else f"{len(items)} incidents changed"
    first = alerts[0].content
    subject = first.subject if first.kind == Kind.OPERATOR else first.details.get("url")
    subject = subject if len(items) == 1 else None
    whole = f"{title}: {subject}" if isinstance(subject, str) else title
    return Message(" ".join(whole.split())[:LONGEST_TITLE], items, all(alert.what is What.CLOSED for alert in alerts))


def title_of(alert: WaitingAlert) -> str:
    """Return what is wrong, or over, in a few words."""
    if alert.what is What.TEST:
        return "Test of this alert channel"
    return _NAMES[alert.what] + TITLES.get(alert.content.kind, alert.content.kind)


def link_of(content: Content, public_url: str | None) -> str | None:
    """Return the URL of the page on which an incident can be repaired."""
    place = PLACES.get(content.kind)
    if public_url is None or place is None or content.kind == Kind.OPERATOR:
        return public_url
    return public_url + place.format(subject=content.subject)


def _item(alert: WaitingAlert, public_url: str | None) -> Item:
    content = alert.content
    when = f"Opened on {_spoken(content.opened_at)}"
    if content.closed_at is not None:
        when += f", closed on {_spoken(content.closed_at)}"
    return Item(title_of(alert), content.message, f"{when}.", link_of(content, public_url))


def _spoken(text: str) -> str:
    return spoken(datetime.fromisoformat(text))
