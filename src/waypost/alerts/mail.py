"""Hands mail over to the operator's mail server, at an address that the guard has checked."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Final

import aiosmtplib
from jinja2 import Environment, PackageLoader, StrictUndefined

from waypost.alerts.results import SendResult
from waypost.alerts.wording import Item, Message
from waypost.dispatch.guard import Admitted, Guard
from waypost.domain.ip_addresses import IPAddress
from waypost.domain.mail_servers import MailServer

CONNECT_SECONDS: Final = 5.0
MAIL_SECONDS: Final = 20.0
MOST_ADDRESSES: Final = 3
_REJECTED: Final = 500
_TEMPLATES: Final = Environment(
    loader=PackageLoader("waypost.alerts"), autoescape=True, trim_blocks=True, undefined=StrictUndefined
)


class Mailer:
    """Sends mail. ``sender`` is the address that it comes from; ``trusted`` are further certificates (PEM)."""

    def __init__(self, guard: Guard, server: MailServer, sender: str, *, trusted: bytes | None = None) -> None:
        self._guard = guard
        self._server = server
        self._sender = sender
        self._trusted = trusted

    async def send(self, to: str, message: Message, *, why: str) -> SendResult:
        """Send a message to one address. ``why`` says why the reader gets it."""
        try:
            async with asyncio.timeout(MAIL_SECONDS):
                return await self._send(_mail(self._sender, to, message, why=why))
        except TimeoutError:
            return SendResult.failed("The mail server did not respond in time.")

    async def _send(self, mail: EmailMessage) -> SendResult:
        server = self._server
        host = f"[{server.host}]" if ":" in server.host else server.host
        admitted = await self._guard.admit(f"https://{host}:{server.port}/")
        if not isinstance(admitted, Admitted):
            return SendResult.failed(f"The mail server's address can't be used ({admitted.value}).")
        connection = await _connect(admitted.addresses, server.port)
        if connection is None:
            return SendResult.failed("The mail server can't be reached.")
        client = aiosmtplib.SMTP(
            hostname=server.host,
            sock=connection,
            timeout=MAIL_SECONDS,
            use_tls=server.implicit_tls,
            start_tls=None if server.implicit_tls or server.username is None else True,
            tls_context=await asyncio.to_thread(_tls, self._trusted),
            username=server.username,
            password=server.password,
            local_hostname=socket.gethostname(),  # its default asks the name server, and blocks
        )
        try:
            async with client:
                _, answer = await client.send_message(mail)
        except aiosmtplib.SMTPRecipientsRefused as error:
            (refused,) = error.recipients[:1]
            return SendResult.failed(f"{refused.code} {refused.message}", rejected=refused.code >= _REJECTED)
        except aiosmtplib.SMTPResponseException as error:
            return SendResult.failed(f"{error.code} {error.message}", rejected=error.code >= _REJECTED)
        except (aiosmtplib.SMTPException, OSError) as error:
            return SendResult.failed(f"{type(error).__name__}: {error}")
        finally:
            connection.close()
        return SendResult.succeeded(answer)


async def _connect(addresses: Sequence[IPAddress], port: int) -> socket.socket | None:
    """Return a connection to the first of the checked addresses that accepts one."""
    for address in addresses[:MOST_ADDRESSES]:
        connection = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)  # noqa: PLR2004 - IPv6
        connection.setblocking(False)  # noqa: FBT003 - the only argument
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().sock_connect(connection, (str(address), port))
        except OSError:  # TimeoutError is one
            connection.close()
        else:
            return connection
    return None


def _tls(trusted: bytes | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if trusted is not None:
        context.load_verify_locations(cadata=trusted.decode("ascii", "replace"))
    return context


def _mail(sender: str, to: str, message: Message, *, why: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = message.title
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2] or None)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(f"{message.text}\n\n{why}\n")
    page = _TEMPLATES.get_template("mail.html").render(
        title=message.title, items=message.items, is_over=message.is_over, why=why
    )
    mail.add_alternative(page, subtype="html")
    return mail


def letter_of(title: str, text: str, link: str, action: str = "Open in Waypost") -> Message:
    """Return a message with one thing to do: a title, a text, and a link with its name."""
    return Message(title, (Item(title, text, "", link, action),), is_over=True)
