"""What the composition root provides to the API, and how a handler requests it."""

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
    """The context of actions, and what only calls need.

    ``ready`` returns None, or the reason in a sentence. ``outgoing_ips`` are published as the source of webhooks.
    ``metrics`` returns Prometheus' text. ``call_limits``, ``report_rates`` and ``push_rates`` are None if nothing is
    limited; ``bodies`` and ``pushes`` limit memory all the same. ``page_ends`` remember where numbered pages end.
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
"""The type of a handler's ``parts`` argument."""
