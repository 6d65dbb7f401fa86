"""Every metric of Waypost's own, read from a rendering in which each has a value."""

from functools import cache
from typing import Final

import msgspec
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from waypost.app.watchdog import Stalls
from waypost.dispatch.measures import Measures
from waypost.domain.inbound import PushResult
from waypost.domain.trackings import SkipReason
from waypost.observe.metrics import Metrics
from waypost.store.measures import Backlog
from waypost.store.reconciliation import Findings

_FEW: Final = 8


class Shown(msgspec.Struct, frozen=True):
    """A metric: its name in queries, its type, its labels and its meaning."""

    name: str
    kind: str
    labels: str
    about: str


@cache
def metrics() -> tuple[Shown, ...]:
    """Return every metric whose name begins with ``waypost_``, in the order of /metrics."""
    skipped = {("dhl", reason): 0 for reason in SkipReason}
    pushed = {("easypost", result): 0 for result in PushResult}
    own = Metrics({"claim": 1}, Stalls(), unread={"dhl": 0}, skipped=skipped, pushed=pushed)
    text = own.render(Backlog(0, 0.0), Measures(running=True, in_flight=0), Findings(), backup_age=0.0)
    return tuple(
        Shown(family.samples[0].name, family.type, _labels(family), family.documentation)
        for family in text_string_to_metric_families(text.decode())
        if family.name.startswith("waypost_")
    )


def _labels(family: Metric) -> str:
    """Return the labels, each with its values if these are fixed."""
    values: dict[str, dict[str, None]] = {}
    for sample in family.samples:
        for label, value in sample.labels.items():
            values.setdefault(label, {})[value] = None
    return ", ".join(
        f"`{label}` ({', '.join(f'`{one}`' for one in found)})" if 1 < len(found) <= _FEW else f"`{label}`"
        for label, found in values.items()
    )
