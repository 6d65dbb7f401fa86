"""A real mail server on loopback that keeps what it gets."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Mailbox:
    """A mail server's handler: keeps mail, or rejects its recipients."""

    answer: str = "250 OK"
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    silent: asyncio.Event | None = None
    """Set when a mail has come that is neither kept nor answered."""

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        assert isinstance(envelope.content, bytes)
        if self.silent is not None:
            self.silent.set()
            await asyncio.Event().wait()
        parsed = BytesParser(policy=default).parsebytes(envelope.content)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        return self.answer


@asynccontextmanager
async def mailbox(
    answer: str = "250 OK", *, tls: ssl.SSLContext | None = None, start_tls: bool = False
) -> AsyncIterator[Mailbox]:
    """Yield a running server: with TLS from the first byte, or after STARTTLS, if there is a context."""
    box = Mailbox(answer)
    loop = asyncio.get_running_loop()

    def accept(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: LoginPassword) -> AuthResult:
        box.logins.append((data.login, data.password))
        return AuthResult(success=True)

    def make() -> SMTP:
        context = tls if start_tls else None
        return SMTP(
            box,
            hostname="mail.test",
            loop=loop,
            tls_context=context,
            authenticator=accept,
            auth_require_tls=False,
        )

    server = await loop.create_server(make, "127.0.0.1", 0, ssl=None if start_tls else tls)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    await server.wait_closed()


@contextmanager
def running_mailbox() -> Iterator[Mailbox]:
    """Yield a mail server that runs in a thread of its own, for tests that do not run in a loop."""
    ready, boxes = threading.Event(), list[Mailbox]()
    loop, end = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with mailbox() as box:
            boxes.append(box)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait()
    try:
        yield boxes[0]
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()
