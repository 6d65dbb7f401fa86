"""What actions are done with: each function takes the least of these that it needs, the composition root hands them.

DatabaseContext        what is written and read at once: accounts, users, API keys
IntakeContext          and parcels that are registered
Context                and all the rest: what calls and pages have
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
    """What connections are made with: the database, what seals credentials, and what tries them.

    ``probe`` tries credentials for the carrier of a name; it raises CarrierError where they do not work.
    """

    @property
    def database(self) -> Database:
        """Where connections are kept."""

    @property
    def vault(self) -> Vault:
        """What seals their credentials."""

    @property
    def probe(self) -> Probing:
        """What tries credentials."""

    @property
    def rooms(self) -> Rooms:
        """What an account does at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeContext(DatabaseContext):
    """The database, the way in for updates and new parcels, and how many of them an account may have."""

    intake: Intake
    quotas: Quotas


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(IntakeContext):
    """Everything that an action may need.

    ``codes`` are the courier codes that each carrier answers for, by its name: those that can be asked once somebody
    has connected it.
    ``check_url`` raises InvalidInput for a URL that nothing is sent to. ``hint`` says that endpoints have something to
    send, ``hint_by_hand`` that a test or a resend waits; a test's result is waited for ``test_seconds`` at most.
    ``track_links`` make the addresses of the parcels' public pages. ``rooms`` bound what an account does at a time.
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
