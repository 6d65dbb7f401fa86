"""Mail is handed over to the server that the operator named, and to no other; a password is sent over TLS only."""

from ipaddress import ip_network

import pytest

from tests.support.certificates import Authority, make_authority, serve_as
from tests.support.mailbox import mailbox
from tests.support.resolver import TableResolver
from waypost.alerts.mail import Mailer, letter_of
from waypost.alerts.results import SendResult
from waypost.dispatch.guard import Guard
from waypost.domain.errors import InvalidInput
from waypost.domain.mail_servers import MailServer, read_mail_server
from waypost.domain.targets import EVERY_PORT

HOST = "mail.example"
LETTER = letter_of("Title", "Text", "https://waypost.example/")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


async def send(server: MailServer, authority: Authority | None, to: str = "127.0.0.1") -> SendResult:
    guard = Guard(TableResolver.of(HOST, [to]), ports=EVERY_PORT, allow=(ip_network("127.0.0.1/32"),))
    trusted = None if authority is None else authority.pem
    mailer = Mailer(guard, server, "waypost@example.com", trusted=trusted)
    return await mailer.send("ops@shop.example", LETTER, why="A test.")


@pytest.mark.parametrize("implicit", [True, False])
async def test_mail_is_sent_with_tls_and_the_password_too(authority: Authority, *, implicit: bool) -> None:
    async with mailbox(tls=serve_as(authority, HOST), start_tls=not implicit) as box:
        result = await send(MailServer(HOST, box.port, implicit, "me", "secret"), authority)

    assert (result.is_sent, result.answer) == (True, "OK")
    assert (len(box.mails), box.logins) == (1, [(b"me", b"secret")])


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("name", [HOST, "other.example"])
async def test_a_certificate_that_is_not_trusted_or_for_another_name_gets_nothing(
    authority: Authority, name: str, *, implicit: bool
) -> None:
    async with mailbox(tls=serve_as(authority, name), start_tls=not implicit) as box:
        server = MailServer(HOST, box.port, implicit, "me", "secret")
        result = await send(server, None if name == HOST else authority)

    assert not result.is_sent
    assert (box.mails, box.logins) == ([], [])


async def test_a_password_is_not_sent_to_a_server_without_tls(authority: Authority) -> None:
    async with mailbox() as box:
        with_password = await send(
            MailServer(HOST, box.port, implicit_tls=False, username="me", password="x"), authority
        )
        without = await send(MailServer(HOST, box.port, implicit_tls=False), authority)

    assert (with_password.is_sent, without.is_sent) == (False, True)
    assert box.logins == []


async def test_a_name_that_resolves_to_a_forbidden_address_is_not_connected_to(authority: Authority) -> None:
    async with mailbox() as box:
        result = await send(MailServer(HOST, box.port, implicit_tls=False), authority, to="127.0.0.2")

    assert result.answer == "The mail server's address can't be used (address_forbidden)."


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", MailServer("mail.example", 587, implicit_tls=False)),
        ("smtps://mail.example/", MailServer("mail.example", 465, implicit_tls=True)),
        ("smtp://a%40b:p%2Fw@[::1]:25", MailServer("::1", 25, implicit_tls=False, username="a@b", password="p/w")),
    ],
)
def test_a_mail_server_is_read_from_a_url(url: str, server: MailServer) -> None:
    assert read_mail_server(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://h/path",
        "smtp://me@h",
        "smtp://h:99999",
        "smtp://h\n",
    ],
)
def test_other_urls_are_rejected_without_repeating_them(url: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_mail_server(url)

    assert "secret" not in raised.value.message
