"""How an action says no: it raises one of these, and nothing was changed. Each face says it in its own words.

Refusal             what was asked for was not done
├── NotFound        it is not there, or it is another account's, which is exactly the same
├── Invalid         fields have values that can't be taken: each is named, with the reason
├── Conflict        what is there does not allow it as it is now
├── Busy            too much is being done: the same may be asked for again in a moment
└── Unavailable     the database is away: whether anything was changed is not known
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from waypost.domain.errors import InvalidInput

T = TypeVar("T")


class Fault(msgspec.Struct, frozen=True):
    """A field, as in ``statuses[0]``, and what is wrong with it: a sentence without its subject and full stop."""

    field: str
    message: str


class Refusal(Exception):
    """Something that was asked for was not done. ``sentence`` says so to people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotFound(Refusal):
    """It is not there, or it is another account's: nobody can tell which."""

    def __init__(self) -> None:
        super().__init__("There is nothing here.")


class Invalid(Refusal):
    """Fields have values that can't be taken; ``faults`` has at least one."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.field} {fault.message}" for fault in self.faults))


class Conflict(Refusal):
    """What is there does not allow it. ``code`` is for programs and stays as it is."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Busy(Refusal):
    """Too much is being done at once; nothing was taken."""


class Unavailable(Refusal):
    """The database is away; a change that was being committed may be there or not."""

    def __init__(
        self, sentence: str = "The database does not answer: try again. Whether anything was changed is not known."
    ) -> None:
        super().__init__(sentence)


def present(found: T | None) -> T:
    """Return what was found. Raise NotFound where nothing was."""
    if found is None:
        raise NotFound
    return found


def fault_of(error: InvalidInput) -> Fault:
    """Return what the domain says of a value as a fault."""
    return Fault(error.field, error.message)


@contextmanager
def checking() -> Iterator[None]:
    """Raise Invalid for the first value inside that the domain does not take."""
    try:
        yield
    except InvalidInput as error:
        raise Invalid([fault_of(error)]) from None
