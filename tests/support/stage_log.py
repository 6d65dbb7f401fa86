"""Where the deliveries of one endpoint spent their time, from the log of a server whose level is debug."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

Span = tuple[float, float]
"""From when to when, in Unix seconds."""


def stages(log: str, endpoint: str, spans: Sequence[Span]) -> str:
    """Return the median and the 99th percentile of each stage in these spans, in milliseconds."""
    of_stages: dict[str, list[float]] = defaultdict(list)
    for line in _recorded(log):
        at = datetime.fromisoformat(line["timestamp"]).timestamp()
        if line["endpoint"] == endpoint and any(began <= at <= ended for began, ended in spans):
            for stage, milliseconds in line["milliseconds"].items():
                of_stages[stage].append(milliseconds)
    return ", ".join(f"{stage} {_part(seen, 0.5):.0f}/{_part(seen, 0.99):.0f}" for stage, seen in of_stages.items())


def _recorded(log: str) -> Iterable[dict[str, Any]]:
    lines = (json.loads(line) for line in log.splitlines() if line.startswith("{"))
    return (line for line in lines if line["event"] == "delivery_recorded")


def _part(seen: list[float], share: float) -> float:
    ordered = sorted(seen)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
