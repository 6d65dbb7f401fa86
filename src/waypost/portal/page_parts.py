"""What the pages are handed by the composition root."""

from dataclasses import dataclass

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from waypost.api.parts import Parts
from waypost.domain.addresses import IPNetwork
from waypost.portal.logins import Logins
from waypost.portal.sessions import PostgresStore


@dataclass(frozen=True, slots=True)
class Pages:
    """The parts that pages are made with.

    ``origin`` is where people reach the server (scheme, host and port), None when the operator did not say;
    ``form_secret`` signs the tokens of forms.
    """

    parts: Parts
    logins: Logins
    sessions: PostgresStore
    origin: str | None
    form_secret: str
    trusted_proxies: tuple[IPNetwork, ...]

    @property
    def secure(self) -> bool:
        """Whether cookies go over TLS only."""
        return self.origin is not None and self.origin.startswith("https://")


GivenPages = NamedDependency[SkipValidation[Pages]]
"""The type of a handler's argument ``pages``."""
