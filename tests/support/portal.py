"""A running server with a filled and an empty account, and a browser that looks at it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from playwright.sync_api import Browser, BrowserContext, StorageState

from examples.carriers.stand_in import StandIn
from examples.demo.site import Site
from tests.support.browsing import WIDE, running_browser
from tests.support.hooks import Hooks, receiving_hooks
from tests.support.people import make_account, make_login_link
from tests.support.seeding import connect_carriers, seed
from tests.support.serving import Serving, serving
from tests.support.stand_ins import running_stand_in
from tests.support.visiting import Document
from waypost.actions.track_links import TrackLinks

FILLED, EMPTY = "filled@example.com", "empty@example.com"
SECRET_KEY = "a secret key of tests only"
SETTINGS = {
    "WAYPOST_OUTGOING_IPS": "203.0.113.7,2001:db8::7",
    "WAYPOST_SECRET_KEY": SECRET_KEY,
}


@dataclass
class Portal:
    """The running server, as people see it."""

    server: Serving
    hooks: Hooks
    browser: Browser
    ups: StandIn
    endpoints: list[str] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)
    states: dict[str, StorageState] = field(default_factory=dict)
    apis: dict[str, Site] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def seeded(self) -> Site:
        return self.apis[FILLED]

    def account(self, email: str) -> Site:
        self.apis[email] = self.server.site(make_account(self.server.data_dir, email))
        return self.apis[email]

    def api(self, email: str) -> Site:
        return self.apis[email]

    def tracking(self, email: str, number: str) -> str:
        """Return the id of an account's parcel."""
        return str(self.apis[email].get(f"/v4/trackings/get?tracking_numbers={number}")["data"][0]["id"])

    def track_path(self, email: str, number: str) -> str:
        """Return the path of a parcel's tracking page."""
        return TrackLinks(SECRET_KEY, public_url=None).path(UUID(self.tracking(email, number)))

    def login_link(self, email: str) -> str:
        return f"{self.url}/login/{make_login_link(self.server.data_dir, email)}"

    def context(self, email: str | None, **options: Any) -> BrowserContext:
        """Yield a separate browser in which this user is signed in, or nobody."""
        if email is not None and email not in self.states:
            self.states[email] = self._signed_in(email)
        state = {} if email is None else {"storage_state": self.states[email]}
        return self.browser.new_context(base_url=self.url, **{"viewport": WIDE, **state, **options})

    def _signed_in(self, email: str) -> StorageState:
        """Sign a user in as a browser does, without one: a window takes half a second."""
        link = self.login_link(email)
        context = self.browser.new_context()
        token = Document(context.request.get(link).text()).value("_csrf_token")
        answer = context.request.post(link, form={"_csrf_token": token}, headers={"accept": "text/html"})
        assert answer.ok, answer.text()
        state = context.storage_state()
        context.close()
        return state


@contextmanager
def running_portal() -> Iterator[Portal]:
    with (
        running_stand_in("ups") as (ups, url),
        serving(**SETTINGS, WAYPOST_CARRIER_UPS_BASE_URL=url) as server,
        receiving_hooks() as hooks,
        running_browser() as browser,
    ):
        server.start()
        portal = Portal(server, hooks, browser, ups)
        portal.account(EMPTY)
        filled = portal.account(FILLED)
        portal.connections = connect_carriers(filled)
        portal.endpoints = seed(filled, hooks)
        yield portal
