"""The pages in this process: the real application on a real database, visited by browsers without a network."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from ipaddress import ip_network
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID, uuid4

from argon2 import PasswordHasher
from httpx import ASGITransport, AsyncClient, Response
from litestar.types import ASGIApp

from tests.support.api import SCOPES, Caller, serving_api
from waypost.app.front import behind_proxies, head_as_get
from waypost.domain import ids
from waypost.domain.api_keys import RANDOM_BYTES, digest_of, make_key, shown_prefix
from waypost.portal.application import make_pages
from waypost.portal.parts import Pages
from waypost.store import account_changes, user_changes
from waypost.store.database import Database

EMAIL = "shop@example.com"
PASSWORD = "correct horse"
CLIENT = "198.51.100.7"
QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Hashes in microseconds: Waypost's own takes a core for a tenth of a second, which only attackers deserve."""
HASH = QUICK_HASHER.hash(PASSWORD)
VOID = frozenset({"meta", "link", "input", "path", "br", "hr", "img"})
TAGS = frozenset(
    {
        *("html", "head", "meta", "title", "link", "script", "body", "header", "nav", "main", "section", "article"),
        *("h1", "h2", "h3", "p", "div", "span", "strong", "em", "a", "ul", "ol", "li", "dl", "dt", "dd", "code", "pre"),
        *("table", "thead", "tbody", "tr", "th", "td", "form", "label", "input", "textarea", "select", "option"),
        *("button", "fieldset", "legend", "details", "summary", "dialog", "time", "svg", "path", "rect", "g", "text"),
        *("line", "polyline", "caption", "img", "br", "hr", "blockquote", "footer", "datalist", "progress"),
    }
)
ATTRIBUTES = frozenset(
    {
        *("lang", "charset", "name", "content", "rel", "href", "type", "src", "defer", "class", "id", "role", "title"),
        *("method", "action", "value", "for", "required", "autofocus", "autocomplete", "selected", "checked", "rows"),
        *("disabled", "hidden", "open", "placeholder", "maxlength", "spellcheck", "tabindex", "datetime", "scope"),
        *("start", "viewbox", "width", "height", "focusable", "d", "x", "y", "transform", "preserveaspectratio"),
        *("x1", "x2", "y1", "y2", "points", "colspan", "alt", "hreflang", "enctype", "accept", "minlength"),
        *("inputmode", "list", "max"),
    }
)
FAMILIES = ("aria-", "data-", "form")
LEADING = ("href", "src", "action", "formaction", "data-preview", "data-new", "data-refresh")
"""The elements and attributes of our templates, and the attributes with links."""


@dataclass
class Element:
    """An element of a page and what it says."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


class Document(HTMLParser):
    """A page as a parser sees it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        assert tag in VOID or any(element.tag == "svg" for element in self._open), f"<{tag}/> closes nothing"
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop().tag == tag, f"</{tag}> closes another"

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        wanted = attributes.items()
        return [one for one in self.elements if one.tag == tag and wanted <= one.attributes.items()]

    @property
    def text(self) -> str:
        (body,) = self.all("body")
        return body.text

    def value(self, name: str) -> str:
        """Return the value of the first field with this name."""
        return self.all("input", name=name)[0].attributes.get("value", "")


@dataclass
class Browser:
    """A client that keeps cookies and sends forms as browsers do; it follows no redirect."""

    client: AsyncClient

    async def get(self, path: str, **options: Any) -> Response:
        headers = {"accept": "text/html", **options.pop("headers", {})}
        return await self.client.get(path, headers=headers, **options)

    async def post(self, path: str, *, token: str | None = None, **options: Any) -> Response:
        """Send a form with its token."""
        headers = {"accept": "text/html", **options.pop("headers", {})}
        form = {"_csrf_token": await self.token() if token is None else token, **options.pop("form", {})}
        return await self.client.post(path, headers=headers, **({"data": form} | options))

    async def token(self) -> str:
        return Document((await self.get("/login")).text).value("_csrf_token")

    async def sign_in(self, email: str, password: str = PASSWORD, *, to: str = "", **options: Any) -> Response:
        return await self.post("/login", form={"email": email, "password": password, "next": to}, **options)

    async def follow(self, link: str, *, to: str = "", **options: Any) -> Response:
        """Open a login link and say yes."""
        token = Document((await self.get(f"{link}?next={quote(to)}")).text)
        form = {"_csrf_token": token.value("_csrf_token"), "next": token.value("next")}
        return await self.client.post(link, data=form, headers={"accept": "text/html"}, **options)

    def plant(self, value: str, name: str = "waypost_session") -> None:
        """Put a cookie in as if the server had set it."""
        self.client.cookies.set(name, value, domain=self.client.base_url.host)

    def cookie(self, name: str = "waypost_session") -> str | None:
        found = [cookie.value for cookie in self.client.cookies.jar if cookie.name == name]
        return found[0] if found else None


@dataclass
class Portal:
    """The application with its pages."""

    application: ASGIApp
    pages: Pages
    database: Database
    base_url: str = "http://waypost.test"
    opened: list[AsyncClient] = field(default_factory=list)

    def browser(self, *, address: str = CLIENT, **options: Any) -> Browser:
        transport = ASGITransport(cast("Any", self.application), client=(address, 50_000), **options)
        client = AsyncClient(transport=transport, base_url=self.base_url)
        self.opened.append(client)
        return Browser(client)

    async def account(self, email: str, *, name: str = "Shop", password_hash: str = HASH) -> Caller:
        """Make an account with a user and a key."""
        account, key = uuid4(), make_key(secrets.token_bytes(RANDOM_BYTES))
        async with self.database.serving.acquire() as session:
            await account_changes.insert_account(
                session,
                account=account,
                email=email,
                name=name,
                password_hash=password_hash,
                user=ids.make_id(1_790_000_000_000, 0, uuid4().int),
                key=ids.make_id(1_790_000_000_000, 0, uuid4().int),
                key_digest=digest_of(key),
                key_prefix=shown_prefix(key),
                scopes=SCOPES,
            )
        return Caller(account, self.browser().client, key)

    async def link(self, email: str, *, seconds: float = 60) -> str:
        """Make a link that logs a user in, and give its path."""
        token = secrets.token_urlsafe(32)
        async with self.database.serving.acquire() as session:
            account = await session.fetchval("select account from account_user where email = $1", email)
            digest = sha256(token.encode()).digest()
            assert await user_changes.insert_login_link(session, account, email, digest, seconds=seconds)
        return f"/login/{token}"

    async def visitor(self, email: str) -> Browser:
        """Return a browser in which a user is signed in."""
        browser = self.browser()
        assert (await browser.follow(await self.link(email))).status_code == 303
        return browser

    async def sessions(self) -> list[Any]:
        rows: list[Any] = await self.database.serving.fetch("select * from web_session order by expires_at")
        return rows

    async def endpoint(self, shop: Caller, url: str = "http://127.0.0.1/hook", **fields: Any) -> str:
        made = await shop.post("/v1/endpoints", {"url": url, "allow_duplicate": True, **fields})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


@asynccontextmanager
async def serving_pages(
    database: Database, *, public_url: str | None = None, trusted_proxies: Sequence[str] = (), **of_api: Any
) -> AsyncIterator[Portal]:
    """Serve the pages; ``of_api`` is what ``serving_api`` takes besides."""
    with_pages = partial(
        make_pages,
        form_secret="a secret of forms for tests only",
        outgoing_ips=("203.0.113.7",),
        public_url=public_url,
    )
    async with serving_api(database, with_pages=with_pages, **of_api) as api:
        assert api.pages is not None
        application = behind_proxies(map(ip_network, trusted_proxies), head_as_get(api.application))
        portal = Portal(application, api.pages.pages, database, public_url or "http://waypost.test")
        yield portal
        for client in portal.opened:
            await client.aclose()


def assert_harmless(text: str) -> Document:
    """Fail for any element or attribute that our templates do not make, and for any way to another site."""
    document = Document(text)
    for element in document.elements:
        assert element.tag in TAGS, element
        for name, value in element.attributes.items():
            assert name in ATTRIBUTES or name.startswith(FAMILIES), element
            if name in LEADING:
                assert value.startswith(("/", "#", "?")), element
                assert not value.startswith(("//", "/\\")), element
    scripts = document.all("script")
    assert len(scripts) <= 1
    assert all(one.attributes["src"].startswith("/assets/") and not one.text for one in scripts)
    return document


async def is_in(browser: Browser) -> bool:
    """Return whether a user is signed in."""
    answer = await browser.get("/developer/webhooks")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def cookies_of(answer: Response) -> dict[str, dict[str, str]]:
    """Return the cookies that a response sets, by name: value and attributes."""
    found = {}
    for line in answer.headers.get_list("set-cookie"):
        for name, morsel in SimpleCookie(line).items():
            found[name] = {"value": morsel.value} | {key: str(value) for key, value in morsel.items() if value}
    return found


def id_of(text: str) -> UUID:
    """Return the id in a wire id with a prefix."""
    return UUID(text.rpartition("_")[2])
