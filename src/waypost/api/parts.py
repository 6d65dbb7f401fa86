"""What the API is handed by the composition root, and how a handler asks for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from waypost.actions.context import Context
from waypost.api.bodies_in_hand import BodiesInHand
from waypost.api.call_limits import CallLimits
from waypost.api.keys import Keys
from waypost.api.page_ends import PageEnds
from waypost.api.push_rates import PushRates
from waypost.api.report_rates import ReportRates


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts(Context):
    """What actions are done with, and what only calls need.

    ``ready`` gives None, or one sentence why not. ``outgoing_ips`` are published as where webhooks come from.
    ``metrics`` gives Prometheus' text. ``call_limits``, ``report_rates`` and ``push_rates`` are None where anybody may
    call as often, and report as much, as wanted; ``bodies`` and ``pushes`` bound what is in hand all the same.
    ``page_ends`` remember where pages by number end.
    """

    keys: Keys
    outgoing_ips: tuple[str, ...]
    ready: Callable[[], Awaitable[str | None]]
    metrics: Callable[[], Awaitable[bytes]]
    call_limits: CallLimits | None
    report_rates: ReportRates | None
    push_rates: PushRates | None
    bodies: BodiesInHand = field(default_factory=BodiesInHand)
    pushes: BodiesInHand = field(default_factory=BodiesInHand)
    page_ends: PageEnds


Given = NamedDependency[SkipValidation[Parts]]
"""The type of a handler's argument ``parts``."""
