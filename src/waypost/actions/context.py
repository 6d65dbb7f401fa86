"""The dependencies of actions. Each function takes the smallest context it needs; the composition root provides them.

DatabaseContext        accounts, users, API keys
IntakeContext          the same, and registering parcels
Context                everything: what the API and the pages use
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from waypost.actions.quotas import Quotas
from waypost.actions.rooms import Rooms
from waypost.actions.track_links import TrackLinks
from waypost.intake.collector import Intake
from waypost.store.database import Database
from waypost.store.vault import Vault

Probing = Callable[[str, Mapping[str, str]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseContext:
    """The database."""

    database: Database


class ConnectionContext(Protocol):
    """The dependencies for connections.

    ``probe`` tests credentials for a carrier, by its name, and raises CarrierError if they don't work.
    """

    @property
    def database(self) -> Database:
        """The database with the connections."""

    @property
    def vault(self) -> Vault:
        """The vault that encrypts their credentials."""

    @property
    def probe(self) -> Probing:
        """The function that tests credentials."""

    @property
    def rooms(self) -> Rooms:
        """The limits on an account's concurrent work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeContext(DatabaseContext):
    """The database, the intake for updates and new parcels, and the quotas."""

    intake: Intake
    quotas: Quotas


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(IntakeContext):
    """Everything that an action can need.

    ``codes`` are the courier codes that each carrier covers once it is connected, by the carrier's name.
    ``check_url`` raises InvalidInput for a URL to which nothing may be sent. ``hint`` announces due deliveries of
    endpoints, ``hint_by_hand`` a waiting test or resend; tests wait at most ``test_seconds`` for a result.
    ``track_links`` creates the links to tracking pages. ``rooms`` limits an account's concurrent work.
    """

    codes: Mapping[str, frozenset[str]]
    probe: Probing
    vault: Vault
    check_url: Callable[[str], None]
    max_endpoints: int
    hint: Callable[[Iterable[UUID]], None]
    hint_by_hand: Callable[[], None]
    test_seconds: float
    track_links: TrackLinks
    rooms: Rooms = field(default_factory=Rooms)
