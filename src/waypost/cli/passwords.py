"""Passwords on the command line: from an option, from standard input, or typed twice at a prompt."""

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
    """Return the hash of the given password, or of one typed at a prompt. Raise InvalidInput."""
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
    """Return the first line, or its beginning if it is too long."""
    try:
        return sys.stdin.readline(LONGEST_PASSWORD + len("\r\n")).rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidInput("password", "must be UTF-8") from None
