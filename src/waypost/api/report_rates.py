"""Limits an account's reports per second, in scans and in bytes; each process counts its own."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from uuid import UUID

BURST_SECONDS: Final = 20
"""The burst: what an account has not used for this long may be used at once."""

REMEMBERED: Final = 4096


class _Allowance:
    """An account's remaining scans or bytes; negative after a large report, whose size is known only afterwards."""

    __slots__ = ("_at", "_left", "_rate")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._left = rate * BURST_SECONDS
        self._at = now

    def wait(self, now: float) -> float:
        """Return the seconds until something is left; 0 if something is."""
        passed, self._at = now - self._at, now
        self._left = min(self._left + passed * self._rate, self._rate * BURST_SECONDS)
        return 0.0 if self._left > 0 else (1 - self._left) / self._rate

    def spend(self, amount: int) -> None:
        self._left -= amount


class ReportRates:
    """Counts the scans and bytes of accounts' reports.

    A report is accepted whole while anything is left, however large it is; later ones wait for the excess.
    """

    def __init__(self, *, scans: float, size: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = scans, size
        self._clock = clock
        self._accounts: OrderedDict[UUID, tuple[_Allowance, _Allowance]] = OrderedDict()

    def wait(self, account: UUID) -> int:
        """Return the whole seconds until the account may report; 0 for now."""
        now = self._clock()
        return math.ceil(max(allowance.wait(now) for allowance in self._of(account)))

    def spend(self, account: UUID, *, scans: int = 0, size: int = 0) -> None:
        """Count what an account has reported."""
        for allowance, amount in zip(self._of(account), (scans, size), strict=True):
            allowance.spend(amount)

    def _of(self, account: UUID) -> tuple[_Allowance, _Allowance]:
        if account not in self._accounts:
            now = self._clock()
            scans, size = self._rates
            self._accounts[account] = _Allowance(scans, now), _Allowance(size, now)
        self._accounts.move_to_end(account)
        while len(self._accounts) > REMEMBERED:
            self._accounts.popitem(last=False)
        return self._accounts[account]
