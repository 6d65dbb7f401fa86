"""What the pages are handed by the composition root, and how a handler asks for it."""

from dataclasses import dataclass

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from waypost.actions.context import Context
from waypost.portal.logins import Logins
from waypost.portal.networks import Allowance
from waypost.portal.sessions import Sessions
from waypost.portal.track.kept import KeptPages


@dataclass(frozen=True, slots=True)
class Pages:
    """The parts that pages are made with.

    ``context`` is what actions are done with. ``origin`` is where people reach the server (scheme, host and port), None
    when the operator did not say; ``outgoing_ips`` are shown as where webhooks come from; ``form_secret`` signs the
    tokens of forms. ``track_reads`` counts who reads track pages, ``track_pages`` keeps those that are made.
    """

    context: Context
    logins: Logins
    sessions: Sessions
    origin: str | None
    outgoing_ips: tuple[str, ...]
    form_secret: str
    track_reads: Allowance
    track_pages: KeptPages

    @property
    def secure(self) -> bool:
        """Whether cookies go over TLS only."""
        return is_secure(self.origin)


def is_secure(origin: str | None) -> bool:
    """Return whether people reach pages of this origin over TLS."""
    return origin is not None and origin.startswith("https://")


GivenPages = NamedDependency[SkipValidation[Pages]]
"""The type of a handler's argument ``pages``."""
