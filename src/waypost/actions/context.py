"""The dependencies of actions. Each function takes the smallest context it needs; the composition root provides them.

DatabaseContext        accounts, users, API keys
KeyContext             the use of an API key
IntakeContext          the same, and registering parcels
Context                everything: what the API and the pages use
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from waypost.actions.inbound_addresses import InboundAddresses
from waypost.actions.quotas import Quotas
from waypost.actions.rooms import Rooms
from waypost.actions.track_links import TrackLinks
from waypost.domain.retry import Policy
from waypost.intake.collector import Intake
from waypost.intake.inbox import Inbox
from waypost.store.database import Database
from waypost.store.vault import Vault

Probing = Callable[[str, Mapping[str, str]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseContext:
    """The context of actions that need only the database."""

    database: Database


@dataclass(frozen=True, slots=True)
class Mailing:
    """Mail can be sent. ``origin`` is the URL that links in it begin with."""

    origin: str


class ConnectionContext(Protocol):
    """The context of actions on connections.

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
    def addresses(self) -> InboundAddresses:
        """The addresses that services push to."""

    @property
    def rooms(self) -> Rooms:
        """The limits on an account's concurrent work."""


class AlertContext(Protocol):
    """The context of actions on alert channels."""

    @property
    def database(self) -> Database:
        """The database with the channels."""

    @property
    def vault(self) -> Vault:
        """The vault that encrypts the addresses of alert channels."""

    @property
    def check_url(self) -> Callable[[str], None]:
        """Raises InvalidInput for a URL to which nothing may be sent."""

    @property
    def rooms(self) -> Rooms:
        """The limits on an account's concurrent work."""

    @property
    def test_seconds(self) -> float:
        """How long a test waits for its result."""


class InboundContext(Protocol):
    """The context of actions that receive pushes."""

    @property
    def vault(self) -> Vault:
        """The vault that seals pushes."""

    @property
    def addresses(self) -> InboundAddresses:
        """The addresses that they arrive at."""

    @property
    def inbox(self) -> Inbox:
        """The inbox that stores them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyContext(DatabaseContext):
    """The database, and the quotas, which are learned with the owner of a key."""

    quotas: Quotas


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeContext(KeyContext):
    """The database, the intake for updates and new parcels, and the quotas."""

    intake: Intake


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(IntakeContext):
    """The context with everything that an action can need.

    ``codes`` are the courier codes that each carrier covers once it is connected, by the carrier's name.
    ``check_url`` raises InvalidInput for a URL to which nothing may be sent. ``hint`` announces due deliveries of
    endpoints, ``hint_by_hand`` a waiting test or resend; tests wait at most ``test_seconds`` for a result.
    ``retries`` is how failed deliveries are retried, for people to read.
    ``addresses`` are those that services push to, and ``inbox`` stores what they push. ``mailing`` is None
    if no mail can be sent. ``track_links`` creates the links to tracking pages. ``rooms`` limits an
    account's concurrent work.
    """

    codes: Mapping[str, frozenset[str]]
    probe: Probing
    vault: Vault
    addresses: InboundAddresses
    inbox: Inbox
    check_url: Callable[[str], None]
    max_endpoints: int
    hint: Callable[[Iterable[UUID]], None]
    hint_by_hand: Callable[[], None]
    test_seconds: float
    track_links: TrackLinks
    mailing: Mailing | None = None
    retries: Policy = field(default_factory=Policy)
    rooms: Rooms = field(default_factory=Rooms)
