"""The operator's mail server, read from one URL."""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from waypost.domain.errors import InvalidInput

PORTS: Final = {"smtp": 587, "smtps": 465}
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\]")


class MailServer(msgspec.Struct, frozen=True):
    """Where mail is handed over. ``implicit_tls`` means TLS from the first byte, otherwise STARTTLS.

    With a user name TLS is required; without one it is used if the server offers it.
    """

    host: str
    port: int
    implicit_tls: bool
    username: str | None = None
    password: str | None = None


def read_mail_server(url: str) -> MailServer:
    """Return the server of ``smtp://user:password@host:port`` or ``smtps://…``. Raise InvalidInput without its text."""
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise InvalidInput("SMTP_URL", "must be a URL such as smtps://user:password@host:465") from None
    if (
        not url.isprintable()
        or split.scheme not in PORTS
        or split.path not in ("", "/")
        or split.query
        or split.fragment
    ):
        raise InvalidInput("SMTP_URL", "must begin with smtp:// or smtps:// and have no path")
    host = split.hostname or ""
    if not _HOST.fullmatch(f"[{host}]" if ":" in host else host):
        raise InvalidInput("SMTP_URL", "must name the host of the mail server")
    username, password = (None if text is None else unquote(text) for text in (split.username, split.password))
    if username and password is None:
        raise InvalidInput("SMTP_URL", "must have a password after the user name")
    return MailServer(host, port or PORTS[split.scheme], split.scheme == "smtps", username or None, password)
