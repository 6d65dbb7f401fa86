"""``/v1/incidents``: a feed of what opens and closes, of the account alone."""

import asyncio

from tests.support.api import Api, Caller
from waypost.domain.incidents import Changed, Closed, Kind, NewIncident, Trouble
from waypost.store import incident_changes, incidents


def trouble(shop: Caller, subject: str = "ep_1", message: str = "It fails.") -> Trouble:
    return Trouble(shop.account, Kind.ENDPOINT_FAILING, subject, message, details={"url": "https://shop.test/"})


async def write(api: Api, *changes: NewIncident | Changed | Closed) -> int:
    async with api.database.serving.acquire() as session:
        return await incident_changes.write_changes(session, changes)


async def close(api: Api, subject: str, message: str) -> None:
    async with api.database.serving.acquire() as session:
        (known,) = [one for one in await incidents.open_ones(session, list(Kind)) if one.subject == subject]
    await write(api, Closed(known, message))


async def test_an_incident_is_read_when_it_opens_and_again_when_it_closes(api: Api, shop: Caller) -> None:
    await write(api, NewIncident(trouble(shop)), NewIncident(trouble(shop, "ep_2")))

    first = (await shop.get("/v1/incidents")).json()
    await close(api, "ep_1", "It accepts webhooks again.")
    second = (await shop.get("/v1/incidents", params={"cursor": first["next_cursor"]})).json()
    third = (await shop.get("/v1/incidents", params={"cursor": second["next_cursor"]})).json()

    assert [(one["subject"], one["state"]) for one in first["items"]] == [("ep_1", "open"), ("ep_2", "open")]
    (closed,) = second["items"]
    assert closed == {
        **first["items"][0],
        "state": "closed",
        "closed_at": closed["closed_at"],
        "message": "It accepts webhooks again.",
    }
    assert list(closed) == ["id", "kind", "subject", "state", "opened_at", "closed_at", "message", "details"]
    assert third == {"items": [], "next_cursor": second["next_cursor"]}


async def test_the_same_trouble_is_never_open_twice(api: Api, shop: Caller) -> None:
    written = await asyncio.gather(*(write(api, NewIncident(trouble(shop))) for _ in range(2)))

    assert sorted(written) == [0, 1]
    await close(api, "ep_1", "It is over.")
    assert await write(api, NewIncident(trouble(shop))) == 1


async def test_incidents_are_filtered_by_state(api: Api, shop: Caller) -> None:
    await write(api, NewIncident(trouble(shop)), NewIncident(trouble(shop, "ep_2")))
    await close(api, "ep_1", "It is over.")

    found = {state: (await shop.get(f"/v1/incidents?state={state}")).json()["items"] for state in ("open", "closed")}
    refused = await shop.get("/v1/incidents?state=new&limit=0")

    assert [[one["subject"] for one in items] for items in found.values()] == [["ep_2"], ["ep_1"]]
    assert [one["field"] for one in refused.json()["errors"]] == ["limit", "state"]


async def test_a_waiting_call_is_answered_when_an_incident_opens(api: Api, shop: Caller) -> None:
    waiting = asyncio.create_task(shop.get("/v1/incidents?wait=60"))
    await asyncio.wait([waiting], timeout=0)
    await write(api, NewIncident(trouble(shop)))
    answer = (await waiting).json()

    assert [one["subject"] for one in answer["items"]] == ["ep_1"]


async def test_another_accounts_and_the_operators_incidents_are_not_shown(api: Api, shop: Caller) -> None:
    other = await api.caller()
    await write(
        api, NewIncident(trouble(other)), NewIncident(Trouble(None, Kind.OPERATOR, "disk", "The disk is full."))
    )

    assert (await shop.get("/v1/incidents")).json()["items"] == []
