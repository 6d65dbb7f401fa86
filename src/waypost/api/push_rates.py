"""How many pushes a connection, and an account with all its connections, may receive per second."""

from typing import Final
from uuid import UUID

from waypost.api.report_rates import ReportRates

OF_CONNECTION: Final = 500
OF_ACCOUNT: Final = 1_000
"""Pushes per second; what is unused for 20 s may be used at once."""


class PushRates:
    """Counts the pushes and their bytes; ``size`` is how many bytes per second an account may receive."""

    def __init__(self, *, size: float) -> None:
        self._connections = ReportRates(scans=OF_CONNECTION, size=size / 2)
        self._accounts = ReportRates(scans=OF_ACCOUNT, size=size)

    def wait(self, account: UUID, connection: UUID) -> int:
        """Return in how many whole seconds the connection may receive another push; 0 for now."""
        return max(self._connections.wait(connection), self._accounts.wait(account))

    def spend(self, account: UUID, connection: UUID, *, size: int) -> None:
        """Count a push with a body of this size."""
        self._connections.spend(connection, scans=1, size=size)
        self._accounts.spend(account, scans=1, size=size)
