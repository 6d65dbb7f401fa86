"""Charts as inline SVG: pure, without scripts or styles, and with a text alternative."""

from collections.abc import Sequence
from typing import Final

import msgspec
from markupsafe import Markup

from waypost.actions.endpoint_stats import StatsHour

_BAR: Final = 6
_GAP: Final = 2
_HEIGHT: Final = 48


class Chart(msgspec.Struct, frozen=True):
    """A chart, and its hours for the table beside it."""

    svg: Markup
    hours: Sequence[StatsHour]


def bars(hours: Sequence[StatsHour], *, height: int = _HEIGHT) -> Chart:
    """Return a bar chart by hour: succeeded deliveries at the bottom, failed attempts on top."""
    highest = max((one.delivered + one.failed_attempts for one in hours), default=0)
    drawn = [_bar(place, one, highest, height) for place, one in enumerate(hours)]
    width = max(len(hours) * (_BAR + _GAP) - _GAP, 1)
    svg = (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{_words(hours)}"'
        f' preserveAspectRatio="none">{"".join(drawn)}</svg>'
    )
    return Chart(Markup(svg), hours)  # noqa: S704 - numbers and our own words


def _bar(place: int, hour: StatsHour, highest: int, height: int) -> str:
    left = place * (_BAR + _GAP)
    if not hour.delivered and not hour.failed_attempts:
        return f'<rect class="none" x="{left}" y="{height - 1}" width="{_BAR}" height="1"/>'
    good, bad = (_size(count, highest, height) for count in (hour.delivered, hour.failed_attempts))
    parts = []
    if good:
        parts.append(f'<rect class="good" x="{left}" y="{height - good}" width="{_BAR}" height="{good}"/>')
    if bad:
        parts.append(f'<rect class="bad" x="{left}" y="{height - good - bad}" width="{_BAR}" height="{bad}"/>')
    return "".join(parts)


def _size(count: int, highest: int, height: int) -> int:
    """Return a bar's height: at least 1 for any count, and never so much that two stacked bars overflow the chart."""
    return max(1, count * (height - 1) // highest) if count else 0


def _words(hours: Sequence[StatsHour]) -> str:
    delivered, failed = sum(one.delivered for one in hours), sum(one.failed_attempts for one in hours)
    return f"{len(hours)} hours: {delivered:,} succeeded, {failed:,} failed attempts"
