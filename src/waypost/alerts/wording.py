"""What a message says: a title, and for each incident what is wrong, since when, and where to repair it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from waypost.domain.alerts import Content, WaitingAlert, What
from waypost.domain.incidents import PLACES, TITLES, Kind
from waypost.domain.times import spoken

LONGEST_TITLE: Final = 150
_ACTIONS: Final[Mapping[str, str]] = {
    Kind.ENDPOINT_FAILING: "Open the endpoint",
    Kind.ENDPOINT_DISABLED: "Open the endpoint",
    Kind.CONNECTION_REFUSED: "Open the connection",
    Kind.BUDGET_TOO_SMALL: "Open the connection",
    Kind.PARCELS_STUCK: "View these parcels",
}
_NAMES: Final = {What.OPENED: "", What.REMINDED: "Still: ", What.CLOSED: "Resolved: "}


class Item(msgspec.Struct, frozen=True):
    """One alert in a message. ``action`` names its ``link``, None if the installation's public URL is not set."""

    title: str
    message: str
    when: str
    link: str | None
    action: str = "Open in Waypost"


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
    """Return the message for one alert, or one message for several.

    The end of an incident is left out if another one about the same thing has begun since: that an endpoint stopped
    failing because it was disabled resolves nothing.
    """
    alerts = [one for place, one in enumerate(alerts) if not _goes_on(one, alerts[place + 1 :])]
    items = tuple(_item(alert, public_url) for alert in alerts)
    title = items[0].title if len(items) == 1 else f"{len(items)} incidents changed"
    first = alerts[0].content
    named = first.details.get("description") or first.details.get("url")
    subject = first.subject if first.kind == Kind.OPERATOR else named
    subject = subject if len(items) == 1 else None
    whole = f"{title}: {subject}" if isinstance(subject, str) else title
    return Message(" ".join(whole.split())[:LONGEST_TITLE], items, all(alert.what is What.CLOSED for alert in alerts))


def _goes_on(alert: WaitingAlert, later: Sequence[WaitingAlert]) -> bool:
    subject = alert.content.subject
    return alert.what is What.CLOSED and any(
        one.what is not What.CLOSED and one.content.subject == subject for one in later
    )


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
    when = f"Incident opened on {_spoken(content.opened_at)}"
    if content.closed_at is not None:
        when += f", closed on {_spoken(content.closed_at)}"
    link, action = link_of(content, public_url), _ACTIONS.get(content.kind, "Open in Waypost")
    return Item(title_of(alert), content.message, f"{when}.", link, action)


def _spoken(text: str) -> str:
    return spoken(datetime.fromisoformat(text))
