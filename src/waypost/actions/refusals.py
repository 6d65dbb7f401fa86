"""How an action rejects a request: it raises one of these, and nothing has changed. Each face words it in its own way.

Refusal             the request was rejected
├── NotFound        it does not exist, or it belongs to another account, which is indistinguishable
├── Invalid         fields have invalid values; each is named, with the reason
├── Conflict        the current state does not allow it
├── Denied          whoever sent it has not proven that it may
├── Busy            too many requests at once; a retry can succeed in a moment
│   └── TooManyWaiting   of this account alone
└── Unavailable     the database can't be used; whether anything has changed is unknown
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from waypost.domain.errors import InvalidInput

T = TypeVar("T")


class Fault(msgspec.Struct, frozen=True):
    """A field, as in ``statuses[0]``, and what is wrong with it: a sentence without subject and full stop."""

    field: str
    message: str


class Refusal(Exception):
    """A rejected request. ``sentence`` is the reason, for people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotFound(Refusal):
    """It does not exist, or it belongs to another account; callers can't tell which."""

    def __init__(self) -> None:
        super().__init__("The resource was deleted or never existed.")


class Invalid(Refusal):
    """Fields have invalid values; ``faults`` has at least one."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.field} {fault.message}" for fault in self.faults))


class Conflict(Refusal):
    """The current state does not allow the request. ``code`` is for programs and stable."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Denied(Refusal):
    """The sender has not proven that it may: its signature or credential is wrong."""


class Busy(Refusal):
    """Too many requests at once; nothing was accepted."""


class TooManyWaiting(Busy):
    """The account's limit of waiting requests is reached; other accounts are not affected."""


class Unavailable(Refusal):
    """The database can't be used. A change that was being committed may or may not be stored."""

    def __init__(
        self, sentence: str = "The database is unavailable. Try again; it is unknown whether anything has changed."
    ) -> None:
        super().__init__(sentence)


def present(found: T | None) -> T:
    """Return ``found``. Raise NotFound if it is None."""
    if found is None:
        raise NotFound
    return found


def fault_of(error: InvalidInput) -> Fault:
    """Return the domain's error about a value as a fault."""
    return Fault(error.field, error.message)


@contextmanager
def checking() -> Iterator[None]:
    """Raise Invalid for the first value in the block that the domain rejects."""
    try:
        yield
    except InvalidInput as error:
        raise Invalid([fault_of(error)]) from None
