"""Open incidents come first on the overview, and all are listed on their page."""

from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless, id_of
from waypost.domain import ids
from waypost.domain.incidents import Closed, Kind, NewIncident, Trouble
from waypost.store import incident_changes, incidents

PROBE = "https://shop.test/ <b onclick=probe()>fails</b>."


async def test_an_open_incident_is_on_the_overview_and_a_closed_one_only_in_the_list(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    endpoint = await portal.endpoint(shop)
    found = Trouble(shop.account, Kind.ENDPOINT_FAILING, ids.to_text(ids.ENDPOINT, id_of(endpoint)), PROBE)
    async with portal.database.serving.acquire() as session:
        await incident_changes.write_changes(session, [NewIncident(found)])
        (known,) = await incidents.open_ones(session, [Kind.ENDPOINT_FAILING])
    while_open = [assert_harmless((await browser.get(path)).text) for path in ("/", "/incidents")]
    async with portal.database.serving.acquire() as session:
        await incident_changes.write_changes(session, [Closed(known, "https://shop.test/ accepts webhooks again.")])
    after = [Document((await browser.get(path)).text) for path in ("/", "/incidents")]

    assert "1 other incident" in while_open[0].text
    assert all(PROBE in one.text for one in while_open)
    assert "other incident" not in after[0].text
    assert "No incident is open." in after[1].text
    assert "accepts webhooks again" in after[1].text
    place = f"/developer/webhooks/{known.subject}"
    assert all(any(one.attributes.get("href") == place for one in page.elements) for page in while_open)
