"""What the API is handed by the composition root, and how a handler asks for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from waypost.actions.context import Context
from waypost.api.call_limits import CallLimits
from waypost.api.keys import Keys
from waypost.api.v4.walks import Walks


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts(Context):
    """What actions are done with, and what only calls need.

    ``ready`` gives None, or one sentence why not. ``outgoing_ips`` are published as where webhooks come from.
    ``metrics`` gives Prometheus' text. ``call_limits`` is None where anybody may call as often as wanted. ``walks``
    remember where v4's pages end.
    """

    keys: Keys
    outgoing_ips: tuple[str, ...]
    ready: Callable[[], Awaitable[str | None]]
    metrics: Callable[[], Awaitable[bytes]]
    call_limits: CallLimits | None
    walks: Walks


Given = NamedDependency[SkipValidation[Parts]]
"""The type of a handler's argument ``parts``."""
