"""The one request that each service takes for a message: URL, headers and JSON body."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, assert_never

import msgspec

from waypost.alerts.wording import Message, link_of, message_of, title_of
from waypost.domain import ids
from waypost.domain.alerts import AlertService, WaitingAlert, What
from waypost.domain.incidents import Kind
from waypost.signing.standard import key_of, sign

LONGEST_TEXT: Final = 3_500
"""Below the limits of Telegram (4,096) and of the others."""

_JSON: Final = ("content-type", "application/json")
_SEVERITIES: Final[Mapping[str, str]] = {
    Kind.ENDPOINT_DISABLED: "critical",
    Kind.OPERATOR: "critical",
    Kind.ENDPOINT_FAILING: "error",
}
_PRIORITY: Final = {True: 3, False: 4}


class ServiceCall(msgspec.Struct, frozen=True):
    """A request: POST ``body`` to ``url``."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def call_of(
    service: AlertService,
    target: Mapping[str, str],
    alerts: Sequence[WaitingAlert],
    *,
    public_url: str | None,
    now: int,
) -> ServiceCall:
    """Return the request for alerts to a service other than mail; ``now`` is in Unix seconds, for signatures."""
    message = message_of(alerts, public_url)
    text = f"{message.title}\n\n{message.text}"[:LONGEST_TEXT]
    match service:
        case AlertService.SLACK:
            return _post(target["url"], {"text": _escaped(text)})
        case AlertService.TEAMS:
            return _post(target["url"], _card(message))
        case AlertService.TELEGRAM:
            base = target["url"].rstrip("/")
            body = {"chat_id": target["chat_id"], "text": text, "link_preview_options": {"is_disabled": True}}
            return _post(f"{base}/bot{target['bot_token']}/sendMessage", body)
        case AlertService.PAGERDUTY:
            return _post(target["url"], _event(target["routing_key"], alerts[0], public_url))
        case AlertService.NTFY:
            return _ntfy(target, message)
        case AlertService.WEBHOOK:
            return _signed(target, alerts[0], now)
        case AlertService.EMAIL:
            raise ValueError("mail is not a request")
        case _:
            assert_never(service)


def _post(url: str, body: Any, *headers: tuple[str, str]) -> ServiceCall:
    return ServiceCall(url, (_JSON, *headers), json.dumps(body).encode())


def _escaped(text: str) -> str:
    """Return text without Slack's links and mentions, which texts from outside could contain."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _card(message: Message) -> dict[str, Any]:
    """Return an adaptive card, as workflows of Teams take it."""
    blocks: list[dict[str, Any]] = [{"type": "TextBlock", "text": message.title, "weight": "bolder", "wrap": True}]
    actions = []
    for item in message.items:
        blocks += [
            {"type": "TextBlock", "text": f"{item.title}: {item.message}"[:LONGEST_TEXT], "wrap": True},
            {"type": "TextBlock", "text": item.when, "wrap": True, "isSubtle": True},
        ]
        if item.link is not None and len(message.items) == 1:
            actions.append({"type": "Action.OpenUrl", "title": "Open in Waypost", "url": item.link})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        "actions": actions,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _event(routing_key: str, alert: WaitingAlert, public_url: str | None) -> dict[str, Any]:
    """Return an event of PagerDuty's Events API v2. An incident of ours is one of theirs, by its id."""
    content = alert.content
    link = link_of(content, public_url)
    is_over = alert.what in (What.CLOSED, What.TEST)
    return {
        "routing_key": routing_key,
        "event_action": "resolve" if alert.what is What.CLOSED else "trigger",
        "dedup_key": content.incident or "waypost-test",
        "payload": {
            "summary": f"{title_of(alert)}: {content.message}"[:1024],
            "source": str(content.details.get("url") or content.subject or "waypost"),
            "severity": "info" if is_over else _SEVERITIES.get(content.kind, "warning"),
            "component": content.subject,
            "class": content.kind,
            "custom_details": content.details,
        },
        "links": [] if link is None else [{"href": link, "text": "Open in Waypost"}],
    }


def _ntfy(target: Mapping[str, str], message: Message) -> ServiceCall:
    """Return the JSON form of a message: the topic is the last part of the URL, and the rest of it the server."""
    server, _, topic = target["url"].rstrip("/").rpartition("/")
    body: dict[str, Any] = {
        "topic": topic,
        "title": message.title,
        "message": message.text[:LONGEST_TEXT],
        "priority": _PRIORITY[message.is_over],
        "tags": ["white_check_mark" if message.is_over else "warning"],
    }
    if (link := message.items[0].link) is not None:
        body["click"] = link
    token = target.get("token")
    return _post(f"{server}/", body, *([("authorization", f"Bearer {token}")] if token else []))


def _signed(target: Mapping[str, str], alert: WaitingAlert, now: int) -> ServiceCall:
    """Return the alert as JSON, signed as webhooks are (Standard Webhooks)."""
    identifier = ids.to_text(ids.ALERT, alert.id)
    body = msgspec.json.encode({"id": identifier, "what": alert.what.value, "incident": alert.content})
    signature = sign(identifier, now, body, key_of(target["secret"]))
    headers = (
        _JSON,
        ("webhook-id", identifier),
        ("webhook-timestamp", str(now)),
        ("webhook-signature", signature),
    )
    return ServiceCall(target["url"], headers, body)
