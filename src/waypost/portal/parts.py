"""What the composition root provides to the pages, and how a handler requests it."""

from dataclasses import dataclass

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from waypost.actions.context import Context
from waypost.portal.logins import Logins
from waypost.portal.networks import NetworkAllowance
from waypost.portal.sessions import Sessions
from waypost.portal.track.kept import KeptPages


@dataclass(frozen=True, slots=True)
class Pages:
    """What pages are built with.

    ``context`` is for actions. ``origin`` is the scheme, host and port under which people reach the server, or None if
    the operator has not set it. ``outgoing_ips`` are shown as the source of webhooks. ``form_secret`` signs the tokens
    of forms. ``track_reads`` limits the reading of tracking pages, and ``track_pages`` caches them.
    """

    context: Context
    logins: Logins
    sessions: Sessions
    origin: str | None
    outgoing_ips: tuple[str, ...]
    form_secret: str
    track_reads: NetworkAllowance
    track_pages: KeptPages

    @property
    def secure(self) -> bool:
        """Whether cookies are sent over TLS only."""
        return is_secure(self.origin)


def is_secure(origin: str | None) -> bool:
    """Return whether the origin of the pages uses TLS."""
    return origin is not None and origin.startswith("https://")


GivenPages = NamedDependency[SkipValidation[Pages]]
"""The type of a handler's ``pages`` argument."""
