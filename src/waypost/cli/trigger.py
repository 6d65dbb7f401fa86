"""``waypost trigger``: send a test event to an endpoint and say what came of it."""

import json
from typing import Annotated, Any, Final

from cyclopts import Parameter

from waypost.cli.options import AsJson
from waypost.cli.remote import DEFAULT_URL, Key, NotReached, Refused, Remote, Url
from waypost.cli.terminal import printable
from waypost.domain.errors import InvalidInput
from waypost.domain.statuses import SELECTABLE, Status

_ANSWER_SECONDS: Final = 120
_SHOWN: Final = 200
_CHOICES: Final = ", ".join(SELECTABLE)


def trigger(
    status: Annotated[Status, Parameter(help=f"The status whose sample is sent: {_CHOICES}.", show_choices=False)],
    /,
    *,
    endpoint: Annotated[
        str | None, Parameter(help="The endpoint's id, ep_…; not needed while the account has one endpoint only.")
    ] = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: Annotated[AsJson, Parameter(name="--json")] = False,
) -> int:
    """Send a test event to an endpoint and say what came of it.

    It takes the real way: signed, in the endpoint's version, also to one that is off. It is no parcel's event, carries
    `waypost-test: true`, and is never sent again. Ends with 0 if the endpoint took it, else with 1.
    """
    if status not in SELECTABLE:
        raise InvalidInput("status", f"must be one that endpoints choose: {_CHOICES}")
    remote = Remote(url, key, timeout_seconds=_ANSWER_SECONDS)
    try:
        found = _choose(remote.get("/v1/endpoints?limit=200")["items"], endpoint)
        delivery = remote.post(f"/v1/endpoints/{found['id']}/test", {"status": status})
    except (NotReached, Refused) as error:
        raise InvalidInput("server", str(error)) from None
    print(json.dumps(delivery) if as_json else _words(found["url"], delivery))  # noqa: T201 - the command's answer
    return 0 if delivery["state"] == "delivered" else 1


def _choose(endpoints: list[dict[str, Any]], wanted: str | None) -> dict[str, Any]:
    found = [one for one in endpoints if wanted in (None, one["id"])]
    if len(found) == 1:
        return found[0]
    if not endpoints:
        raise InvalidInput("endpoint", "the account has none: add one under Developer > Webhooks")
    known = "".join(f"\n  {one['id']}  {printable(one['url'][:_SHOWN])}" for one in endpoints)
    why = "choose one of these" if wanted is None else "is none of this account's"
    raise InvalidInput("endpoint", f"{why}:{known}")


def _words(url: str, delivery: dict[str, Any]) -> str:
    attempts = delivery.get("attempts") or []
    if not attempts:
        return f"{printable(url)} has not answered yet; see {delivery['id']} in the webhook history."
    last = attempts[-1]
    arrived = "The test arrived." if delivery["state"] == "delivered" else "The test was not accepted."
    lines = [f"{arrived} {last['message']}", f"  {printable(url)}, {last['version']}, after {last['duration_ms']} ms"]
    answer = (last["response"] or {}).get("body")
    code = "" if last["status_code"] is None else f"{last['status_code']}: "
    if answer:
        lines.append(f"  {code}{printable(answer[:_SHOWN])}")
    return "\n".join(lines)
