"""Why a webhook was or was not delivered, in sentences: the facts of a delivery's page, and of what comes before it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from waypost.actions.delivery_words import OF_DELIVERIES
from waypost.actions.remedies import redirect_target, remedy
from waypost.cli.assisting.parcels import find_parcels
from waypost.cli.remote import CallRefused, Remote
from waypost.cli.terminal import printable
from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Settled, Waiting

MOST_ATTEMPTS: Final = 3
MOST_DELIVERIES: Final = 5
_QUOTED: Final = 300
_MISSING: Final = 404

_STATES: Final[Mapping[str, str]] = {
    Waiting.WAITING: "It is about to be sent. If it stays like this, the server is stopped or overloaded.",
    Waiting.RETRYING: "Its last attempt failed, and it will be tried again.",
    Waiting.BLOCKED: "It waits for an earlier delivery of the same parcel, since this endpoint gets a parcel's events"
    " in order.",
    Settled.DELIVERED: "It was delivered: the endpoint accepted it.",
    Settled.FAILED: "It failed for good: it is not tried again.",
    Settled.SUPERSEDED: "It was given up in favour of a newer event of the same parcel.",
    Settled.CANCELLED: "It was cancelled.",
}


def explain_delivery(remote: Remote, delivery: str) -> str:
    """Return what happened to a delivery. Raise the errors of ``Remote``."""
    found = remote.get(f"/v1/deliveries/{delivery}")
    return "\n".join(_of_delivery(found, _endpoint(remote, found["endpoint_id"])))


def explain_number(remote: Remote, tracking_number: str) -> str:
    """Return why webhooks about a parcel were or were not delivered. Raise the errors of ``Remote``."""
    parcels = find_parcels(remote, tracking_number)
    if not parcels:
        return (
            "The account has no parcel with this number: it was never registered, was registered under another number,"
            " or was deleted. Nothing is sent for it."
        )
    endpoints = remote.get("/v1/endpoints?limit=200")["items"]
    lines = [line for parcel in parcels for line in _of_parcel(parcel)]
    lines += [line for parcel in parcels for line in _of_endpoints(endpoints, parcel)]
    query = urlencode({"tracking_number": parcels[0]["tracking_number"], "limit": MOST_DELIVERIES})
    sent = remote.get(f"/v1/deliveries?{query}")["items"]
    if not sent:
        lines.append("No delivery was made for this number within the retention period.")
    for one in sent:
        lines += ["", *_of_delivery(remote.get(f"/v1/deliveries/{one['id']}"), _endpoint(remote, one["endpoint_id"]))]
    return "\n".join(lines)


def _endpoint(remote: Remote, endpoint: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = remote.get(f"/v1/endpoints/{endpoint}")
    except CallRefused as error:
        if error.status != _MISSING:
            raise
        return None
    return found


def _of_parcel(parcel: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Parcel {parcel['tracking_number']} ({parcel['courier_code']}) is {parcel['delivery_status']}"
        f" ({parcel['substatus']}); its newest event is number {parcel['sequence']}."
    )
    if parcel["delivery_status"] == "pending":
        yield "No source has reported anything about it yet, and the status pending is never sent."
    polling = parcel["polling"] or {}
    asked = polling.get("asked")
    if asked is not None:
        when = parcel["last_polled_at"] or "never so far"
        yield (
            f'Its carrier is polled through the connection "{printable(asked["name"])}" ({asked["state"]}); last:'
            f" {when}, result: {printable(polling.get('outcome') or 'none yet')}; next: {parcel['next_poll_at']}."
        )
    elif polling.get("not_asked"):
        yield f"Its carrier is not polled ({polling['not_asked']}), so it changes through pushes and the API only."


def _of_endpoints(endpoints: list[dict[str, Any]], parcel: Mapping[str, Any]) -> Iterator[str]:
    """Yield why each endpoint gets or does not get the parcel's present status, by its settings of today."""
    if not endpoints:
        yield "The account has no endpoint, so nothing is sent anywhere."
    for one in endpoints:
        status, wanted = parcel["delivery_status"], one["statuses"]
        name = f"Endpoint {one['id']} ({printable(one['url'])})"
        if not one["enabled"]:
            yield f"{name} is disabled ({one['disabled_reason'] or 'no reason stored'}): it gets nothing."
        elif wanted != "all" and status not in wanted:
            yield f"{name} does not receive the status {status}. It receives: {', '.join(wanted)}."
        elif one["trigger"] == "status_change":
            yield f"{name} receives status changes only: scans without a new status are not sent to it."


def _of_delivery(delivery: Mapping[str, Any], endpoint: Mapping[str, Any] | None) -> Iterator[str]:
    kind = "Test" if delivery["test"] else "Delivery"
    where = "an endpoint that was deleted" if endpoint is None else f"{printable(endpoint['url'])} ({endpoint['id']})"
    yield (
        f"{kind} {delivery['id']} of event {delivery['event_id']} (number {delivery['sequence']} of parcel"
        f" {delivery['tracking_number']}, {delivery['status']}), created {delivery['created_at']}, for {where}."
    )
    yield _STATES[delivery["state"]]
    if delivery["reason"]:
        yield f"Reason: {OF_DELIVERIES.get(delivery['reason'], delivery['reason'])}"
    if delivery["blocked_by"]:
        yield f"The earlier delivery is {delivery['blocked_by']}."
    if delivery["next_attempt_at"]:
        yield f"The next attempt is at {delivery['next_attempt_at']}."
    if endpoint is not None and not endpoint["enabled"]:
        yield f"The endpoint is disabled now ({endpoint['disabled_reason'] or 'no reason stored'})."
    elif endpoint is not None and endpoint["failing_since"]:
        yield f"The endpoint has been failing since {endpoint['failing_since']}."
    attempts = delivery["attempts"]
    if len(attempts) > MOST_ATTEMPTS:
        yield f"The last {MOST_ATTEMPTS} of {len(attempts)} attempts:"
    for one in attempts[-MOST_ATTEMPTS:]:
        yield from _of_attempt(one)
    if not attempts:
        yield "There was no attempt yet."


def _of_attempt(attempt: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Attempt {attempt['number']} at {attempt['started_at']}, {attempt['version']}, {attempt['duration_ms']} ms:"
        f" {attempt['message']}"
    )
    response = attempt["response"] or {}
    location = next((value for name, value in response.get("headers") or () if name == "location"), None)
    target = redirect_target(attempt["request"]["url"], location)
    advice = remedy(Outcome(attempt["outcome"]), attempt["status_code"], target, attempt["reason"])
    if advice is not None:
        yield f"What to do: {printable(advice)}"
    body = (response.get("body") or "").strip()
    if body and attempt["outcome"] != Outcome.SUCCEEDED:
        yield f"The response began, in the receiver's words: {printable(body[:_QUOTED])!r}"
