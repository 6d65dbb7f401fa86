"""How a password comes in at the command line: as an option, on standard input, or typed twice at a prompt."""

import sys
from getpass import getpass
from typing import Annotated

from argon2 import PasswordHasher
from cyclopts import Parameter

from waypost.domain.accounts import LONGEST_PASSWORD, check_password
from waypost.domain.errors import InvalidInput

Password = Annotated[
    str | None,
    Parameter(help="The password. Other users of this machine can see it in the process list."),
]
PasswordStdin = Annotated[bool, Parameter(negative="", help="Read the password from the first line of standard input.")]


def password_hash(given: str | None, *, from_input: bool) -> str:
    """Give the hash of the password that was given or is asked for now. Raises InvalidInput."""
    return PasswordHasher().hash(check_password(_password(given, from_input=from_input)))


def _password(given: str | None, *, from_input: bool) -> str:
    match given, from_input:
        case str(), True:
            raise InvalidInput("password", "can't be given twice: use --password or --password-stdin")
        case str(), False:
            return given
        case None, True:
            return _first_line()
    if not sys.stdin.isatty():
        raise InvalidInput("password", "is required: use --password-stdin, or run the command in a terminal")
    typed = getpass("Password: ")
    if getpass("Again: ") != typed:
        raise InvalidInput("password", "was typed differently the second time")
    return typed


def _first_line() -> str:
    """Read no more than tells that a line is too long."""
    try:
        return sys.stdin.readline(LONGEST_PASSWORD + len("\r\n")).rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidInput("password", "must be UTF-8") from None
