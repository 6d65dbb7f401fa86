"""Types of settings that are written in a form of their own: lists with commas, ports, on and off, names, mail."""

import re
from email.utils import parseaddr
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, PlainValidator, SecretStr
from pydantic_settings import NoDecode

from waypost.domain.accounts import check_email
from waypost.domain.errors import InvalidInput
from waypost.domain.ip_addresses import IPAddress, IPNetwork
from waypost.domain.mail_servers import read_mail_server
from waypost.domain.targets import Ports

_CONTACT: Final = re.compile(r"[!-'*-~]{1,200}", re.ASCII)  # no space and no parenthesis: it becomes part of a comment
_SCHEMA: Final = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}", re.ASCII)


def _parts(value: object) -> list[str]:
    """Take a list, or a text with commas."""
    match value:
        case str():
            return [part.strip() for part in value.split(",") if part.strip()]
        case list() | tuple():
            return [str(part) for part in value]
        case _:
            raise ValueError("must be a list, or a text with commas")


def _networks(value: object) -> tuple[IPNetwork, ...]:
    return tuple(ip_network(part) for part in _parts(value))


def _addresses(value: object) -> tuple[IPAddress, ...]:
    return tuple(ip_address(part) for part in _parts(value))


def _ports(value: object) -> Ports:
    if isinstance(value, Ports):
        return value
    try:
        return Ports.parse(str(value) if isinstance(value, int) else ",".join(_parts(value)))
    except InvalidInput as error:
        raise ValueError(error.message) from None


def _schema(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _SCHEMA.fullmatch(value)):
        return value
    raise ValueError("must have up to 63 small letters, digits and _, and not begin with a digit or pg_")


def decided(value: object) -> object:
    """Return on or off for what TOML reads as a truth value."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


def _certificates(path: Path) -> Path:
    import ssl  # noqa: PLC0415 - most commands need none of it

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise ValueError("must be a PEM file with at least one certificate, and not damaged") from None
    except OSError as error:
        raise ValueError(f"can't be read: {error.strerror}") from None
    return path


def _mail_server(value: SecretStr) -> SecretStr:
    try:
        read_mail_server(value.get_secret_value())
    except InvalidInput as error:
        raise ValueError(error.message) from None
    return value


def _mail_address(value: str) -> str:
    try:
        check_email(parseaddr(value)[1])
    except InvalidInput:
        raise ValueError("must contain an e-mail address such as waypost@example.com") from None
    return value


def _postgres(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("must start with postgresql://")
    return value


def _contact(value: str) -> str:
    if not _CONTACT.fullmatch(value):
        raise ValueError("must have 1 to 200 printable ASCII characters, no spaces and no parentheses")
    return value


Networks = Annotated[tuple[IPNetwork, ...], NoDecode, PlainValidator(_networks)]
Addresses = Annotated[tuple[IPAddress, ...], NoDecode, PlainValidator(_addresses)]
Address = Annotated[IPAddress, PlainValidator(lambda value: ip_address(str(value)))]
PortRanges = Annotated[Ports, NoDecode, PlainValidator(_ports)]
CertificateFile = Annotated[Path, AfterValidator(_certificates)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_postgres)]
Contact = Annotated[str, AfterValidator(_contact)]
MailServerUrl = Annotated[SecretStr, AfterValidator(_mail_server)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
SchemaName = Annotated[Any, AfterValidator(_schema)]
"""A name, or None. Any, for pydantic's base class has a method that is called ``schema``."""
