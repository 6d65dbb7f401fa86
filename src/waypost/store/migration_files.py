"""The files of ``store/migrations``: read, ordered, and split into statements."""

import re
from hashlib import sha256
from importlib import resources
from typing import Final

import msgspec

from waypost.domain.errors import OperatorError

_FILE: Final = re.compile(r"(\d{4})_(\w+)(\.concurrent)?\.sql")
_TOKEN: Final = re.compile(
    r"""(?P<comment> --[^\n]* | /\*.*?\*/ ) | (?P<end> ; )
      | ' (?: [^'] | '' )* ' | " [^"]* " | \$(?P<tag>\w*)\$ .*? \$(?P=tag)\$ | .""",
    re.VERBOSE | re.DOTALL,
)


class MigrationError(OperatorError):
    """The database and this program's migrations do not match; the message says how."""


class Migration(msgspec.Struct, frozen=True):
    """One file. A concurrent one is called ``….concurrent.sql`` and runs outside of a transaction."""

    number: int
    name: str
    text: str
    concurrent: bool = False

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the text: an applied migration must never change."""
        return sha256(self.text.encode()).digest()

    @property
    def statements(self) -> list[str]:
        """The statements of the text in order, each without comments and semicolon."""
        return statements_of(self.text)


def statements_of(text: str) -> list[str]:
    """Return the statements of an SQL script. A semicolon within quotes, a comment or ``$$`` ends none."""
    statements, current = [], ""
    for token in _TOKEN.finditer(text + ";"):
        if token["end"]:
            statements.append(current.strip())
            current = ""
        elif not token["comment"]:
            current += token[0]
    return [statement for statement in statements if statement]


def migrations() -> list[Migration]:
    """Return this program's migrations in order. Raise MigrationError if a number is missing or used twice."""
    found = [
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"), match[3] is not None)
        for file in resources.files(__package__).joinpath("migrations").iterdir()
        if (match := _FILE.fullmatch(file.name))
    ]
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationError("The numbers of store/migrations/*.sql must run from 0001 without a gap.")
    return found
