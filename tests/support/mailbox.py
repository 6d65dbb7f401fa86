"""A real mail server on loopback that keeps what it gets."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        assert isinstance(envelope.content, bytes)
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
