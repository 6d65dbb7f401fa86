"""``waypost trigger``: send a test event to an endpoint and show the result."""

from typing import Annotated, Any, Final

from cyclopts import Parameter

from waypost.cli.answers import answer
from waypost.cli.options import AsJson
from waypost.cli.remote import DEFAULT_URL, CallRefused, Key, NotReached, Remote, Url
from waypost.cli.terminal import printable
from waypost.domain.errors import InvalidInput
from waypost.domain.statuses import SELECTABLE, Status

_ANSWER_SECONDS: Final = 120
_SHOWN: Final = 200
_CHOICES: Final = ", ".join(SELECTABLE)


def trigger(
    status: Annotated[Status, Parameter(help=f"The status of the sample: {_CHOICES}.", show_choices=False)],
    /,
    *,
    endpoint: Annotated[
        str | None, Parameter(help="The endpoint's id, ep_…. Not needed if the account has only one endpoint.")
    ] = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> int:
    """Send a test event to an endpoint and show the result.

    The test is signed and sent like any webhook, in the endpoint's version, even to a disabled endpoint. It belongs to
    no parcel, carries `waypost-test: true`, and is never retried. Exits with status 0 if the endpoint accepted it,
    otherwise with 1.
    """
    if status not in SELECTABLE:
        raise InvalidInput("status", f"must be one of {_CHOICES}")
    remote = Remote(url, key, timeout_seconds=_ANSWER_SECONDS)
    try:
        found = _choose(remote.get("/v1/endpoints?limit=200")["items"], endpoint)
        delivery = remote.post(f"/v1/endpoints/{found['id']}/test", {"status": status})
    except (NotReached, CallRefused) as error:
        raise InvalidInput("server", str(error)) from None
    answer(delivery, _words(found["url"], delivery), as_json=as_json)
    return 0 if delivery["state"] == "delivered" else 1


def _choose(endpoints: list[dict[str, Any]], wanted: str | None) -> dict[str, Any]:
    found = [one for one in endpoints if wanted in (None, one["id"])]
    if len(found) == 1:
        return found[0]
    if not endpoints:
        raise InvalidInput("endpoint", "the account has none; add one under Developer > Webhooks")
    known = "".join(f"\n  {one['id']}  {printable(one['url'][:_SHOWN])}" for one in endpoints)
    why = "must be one of these" if wanted is None else "does not exist; choose one of these"
    raise InvalidInput("endpoint", f"{why}:{known}")


def _words(url: str, delivery: dict[str, Any]) -> str:
    attempts = delivery.get("attempts") or []
    if not attempts:
        return f"{printable(url)} has not responded yet; see {delivery['id']} in the webhook history."
    last = attempts[-1]
    arrived = "The test was accepted." if delivery["state"] == "delivered" else "The test was not accepted."
    lines = [f"{arrived} {last['message']}", f"  {printable(url)}, {last['version']}, after {last['duration_ms']} ms"]
    answer = (last["response"] or {}).get("body")
    code = "" if last["status_code"] is None else f"{last['status_code']}: "
    if answer:
        lines.append(f"  {code}{printable(answer[:_SHOWN])}")
    return "\n".join(lines)
