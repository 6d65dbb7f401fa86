"""What all tabs of an endpoint's page share: its name, its state and its secret."""

from datetime import UTC, datetime
from typing import Any, Final

from waypost.actions import endpoint_secrets
from waypost.actions.actor import Actor
from waypost.actions.endpoint_summaries import EndpointSummary, summaries
from waypost.domain.endpoints import Version
from waypost.portal import showing
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import Pages
from waypost.portal.requests import PageRequest
from waypost.portal.snippets import LANGUAGES
from waypost.signing.standard import standard_secret
from waypost.store.endpoints import EndpointRow

SECRET: Final = "secret"  # noqa: S105 - the name of a part of the page
TABS: Final = (
    ("", "Overview"),
    ("/deliveries", "Deliveries"),
    ("/test", "Test"),
    ("/set-up", "Set up"),
    ("/settings", "Settings"),
)
"""The path of each tab after that of the endpoint, and its label."""


async def summary_of(pages: Pages, row: EndpointRow) -> EndpointSummary:
    """Return an endpoint with what waits for it."""
    async with pages.context.database.serving.acquire() as session:
        return (await summaries(pages.context, session, [row]))[0]


def head(summary: EndpointSummary, tab: str = "") -> dict[str, Any]:
    """Return what the head of a tab shows."""
    path = f"{PATH}/{summary.endpoint.id}"
    return {
        "webhook": summary.endpoint,
        "summary": summary,
        "waiting": summary.waiting,
        "here": path,
        "tab_path": path + tab,
        "tabs": TABS,
    }


def verifying(request: PageRequest, row: EndpointRow) -> dict[str, Any]:
    """Return the code that verifies a webhook, in the requested language."""
    query = request.query_params
    return {
        "snippet": showing.snippet_of(query.get("language"), query.get("way"), Version(row.version)),
        "languages": LANGUAGES,
    }


async def secret(request: PageRequest, pages: Pages, actor: Actor, row: EndpointRow) -> dict[str, Any]:
    """Return the secret only on request, so that the page does not contain it otherwise."""
    revealed = request.query_params.get("do") == SECRET
    look = endpoint_secrets.reveal if revealed else endpoint_secrets.secrets_of
    secrets = await look(pages.context, actor, row.id)
    return {
        "secret": secrets.current if revealed else None,
        "standard_secret": standard_secret(secrets.current) if revealed else None,
        "overlap_until": None if secrets.until is None else datetime.fromtimestamp(secrets.until, UTC),
    }
