"""What the API is handed by the composition root, and how a handler asks for it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from waypost.actions.track_links import TrackLinks
from waypost.api.call_limits import CallLimits
from waypost.api.keys import Keys
from waypost.api.v4.walks import Walks
from waypost.intake.collector import Intake
from waypost.store.database import Database
from waypost.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the server that requests are answered with.

    ``polled`` are the courier codes that have a source, each with the least seconds between two asks about one parcel.
    ``check_url`` raises InvalidInput for a URL that nothing is sent to. ``hint`` says that endpoints have something to
    send, ``hint_by_hand`` that a test or a resend waits; a test's result is waited for ``test_seconds`` at most.
    ``ready`` gives None, or one sentence why not. ``outgoing_ips`` are published as where webhooks come from.
    ``metrics`` gives Prometheus' text. ``track_links`` make the addresses of the parcels' public pages. ``call_limits``
    is None where anybody may call as often as wanted. ``walks`` remember where v4's pages end.
    """

    database: Database
    intake: Intake
    polled: Mapping[str, float]
    vault: Vault
    keys: Keys
    check_url: Callable[[str], None]
    max_endpoints: int
    hint: Callable[[Iterable[UUID]], None]
    hint_by_hand: Callable[[], None]
    test_seconds: float
    outgoing_ips: tuple[str, ...]
    ready: Callable[[], Awaitable[str | None]]
    metrics: Callable[[], Awaitable[bytes]]
    track_links: TrackLinks
    call_limits: CallLimits | None
    walks: Walks


Given = NamedDependency[SkipValidation[Parts]]
"""The type of a handler's argument ``parts``."""
