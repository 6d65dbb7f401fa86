"""Names the account that a request works for, so that sessions are lent to accounts in turn (``store.allowances``)."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from uuid import UUID

NOBODY_YET: Final = UUID(int=0)
"""All requests whose account is not known, or that have none. They share what an account may have."""


class _Borrower:
    __slots__ = ("account",)

    def __init__(self) -> None:
        self.account = NOBODY_YET


_BORROWER: Final[ContextVar[_Borrower | None]] = ContextVar("borrower", default=None)


@contextmanager
def borrowing() -> Iterator[None]:
    """Count what the block borrows for its account; ``note_borrower`` says which."""
    before = _BORROWER.set(_Borrower())
    try:
        yield
    finally:
        _BORROWER.reset(before)


def note_borrower(account: UUID) -> None:
    """Note for which account the request works; without effect outside of one."""
    if (borrower := _BORROWER.get()) is not None:
        borrower.account = account


def borrower() -> UUID | None:
    """Return the account that borrows now; None for the server's own work, which is in no account's share."""
    current = _BORROWER.get()
    return None if current is None else current.account
