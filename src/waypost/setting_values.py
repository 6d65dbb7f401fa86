"""Types of settings whose values are written in a way of their own: lists with commas, ports, on and off, names."""

import re
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Final

from pydantic import AfterValidator, PlainValidator
from pydantic_settings import NoDecode

from waypost.domain.errors import InvalidInput
from waypost.domain.ip_addresses import IPAddress, IPNetwork
from waypost.domain.targets import Ports

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


Networks = Annotated[tuple[IPNetwork, ...], NoDecode, PlainValidator(_networks)]
Addresses = Annotated[tuple[IPAddress, ...], NoDecode, PlainValidator(_addresses)]
Address = Annotated[IPAddress, PlainValidator(lambda value: ip_address(str(value)))]
PortRanges = Annotated[Ports, NoDecode, PlainValidator(_ports)]
SchemaName = Annotated[Any, AfterValidator(_schema)]
"""A name, or None. Any, for pydantic's base class has a method that is called ``schema``."""
