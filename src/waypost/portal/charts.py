"""Charts as inline SVG: pure, without scripts or styles, and with a text alternative.

The SVG has the bars and lines only, and is stretched to the page's width. The template writes the axes beside it as
text, which would be stretched, too.
"""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Final

import msgspec
from markupsafe import Markup

from waypost.actions.endpoint_stats import StatsHour
from waypost.store.hours import AttemptsOfDay

_BAR: Final = 6
_GAP: Final = 2
_HEIGHT: Final = 48
_DAY_HEIGHT: Final = 24
_LABELS: Final = 5
_DAY_HOURS: Final = 25
_NICE: Final = (1, 2, 5)


class Chart(msgspec.Struct, frozen=True):
    """A chart by hour, and its hours for the table beside it.

    ``values`` label the vertical axis from the top down, ``times`` the horizontal one from left to right.
    """

    svg: Markup
    hours: Sequence[StatsHour]
    values: Sequence[str]
    times: Sequence[str]


def bars(hours: Sequence[StatsHour], zone: tzinfo, *, height: int = _HEIGHT) -> Chart:
    """Return a bar chart by hour: succeeded deliveries at the bottom, failed attempts on top."""
    top = _nice(max((one.delivered + one.failed_attempts for one in hours), default=0))
    width = max(len(hours) * (_BAR + _GAP) - _GAP, 1)
    lines = "".join(f'<rect class="line" x="0" y="{y}" width="{width}" height="1"/>' for y in (0, height // 2))
    drawn = "".join(_bar(place, one, top, height) for place, one in enumerate(hours))
    svg = (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{_words(hours)}"'
        f' preserveAspectRatio="none">{lines}{drawn}</svg>'
    )
    half = [f"{top // 2:,}"] if top % 2 == 0 else [""]
    return Chart(Markup(svg), hours, [f"{top:,}", *half, "0"], _times(hours, zone))  # noqa: S704 - numbers and our words


def strip(days: Sequence[AttemptsOfDay]) -> Markup:
    """Return a row of days: green if nothing failed, red if nothing succeeded, both if some attempts failed."""
    width = max(len(days) * (_BAR + _GAP) - _GAP, 1)
    drawn = "".join(_day(place, one) for place, one in enumerate(days))
    tried = [one for one in days if one.attempts]
    words = (
        f"{len(days)} days: {sum(not one.failed_attempts for one in tried)} without failed attempts,"
        f" {sum(0 < one.failed_attempts < one.attempts for one in tried)} with some,"
        f" {sum(one.failed_attempts == one.attempts for one in tried)} in which every attempt failed"
    )
    return Markup(  # noqa: S704 - numbers and our words
        f'<svg class="chart strip" viewBox="0 0 {width} {_DAY_HEIGHT}" role="img" aria-label="{words}"'
        f' preserveAspectRatio="none">{drawn}</svg>'
    )


def _day(place: int, day: AttemptsOfDay) -> str:
    left = place * (_BAR + _GAP)
    if not day.attempts:
        return f'<rect class="none" x="{left}" y="0" width="{_BAR}" height="{_DAY_HEIGHT}"/>'
    bad = _size(day.failed_attempts, day.attempts, _DAY_HEIGHT)
    good = _DAY_HEIGHT - bad if day.failed_attempts < day.attempts else 0
    parts = []
    if good:
        parts.append(f'<rect class="good" x="{left}" y="{_DAY_HEIGHT - good}" width="{_BAR}" height="{good}"/>')
    if _DAY_HEIGHT - good:
        parts.append(f'<rect class="bad" x="{left}" y="0" width="{_BAR}" height="{_DAY_HEIGHT - good}"/>')
    return "".join(parts)


def _bar(place: int, hour: StatsHour, top: int, height: int) -> str:
    left = place * (_BAR + _GAP)
    if not hour.delivered and not hour.failed_attempts:
        return f'<rect class="none" x="{left}" y="{height - 1}" width="{_BAR}" height="1"/>'
    good, bad = (_size(count, top, height) for count in (hour.delivered, hour.failed_attempts))
    parts = []
    if good:
        parts.append(f'<rect class="good" x="{left}" y="{height - good}" width="{_BAR}" height="{good}"/>')
    if bad:
        parts.append(f'<rect class="bad" x="{left}" y="{height - good - bad}" width="{_BAR}" height="{bad}"/>')
    return "".join(parts)


def _size(count: int, highest: int, height: int) -> int:
    """Return a bar's height: at least 1 for any count, and never so much that two stacked bars overflow the chart."""
    return max(1, count * (height - 1) // highest) if count else 0


def _nice(highest: int) -> int:
    """Return the top of the axis for a count: the smallest of 1, 2, 5, 10, 20, 50 … that reaches it."""
    power = 1
    while True:
        for digit in _NICE:
            if digit * power >= highest:
                return digit * power
        power *= 10


def _times(hours: Sequence[StatsHour], zone: tzinfo) -> list[str]:
    """Return labels of the hours at even distances, with their dates if there are several days; the last is now."""
    if len(hours) < _LABELS:
        return []
    form = "%H:%M" if len(hours) <= _DAY_HOURS else "%d %b %H:%M"
    places = [place * len(hours) // (_LABELS - 1) for place in range(_LABELS - 1)]
    starts = [datetime.fromisoformat(hours[place].at).astimezone(zone) for place in places]
    return [*(start.strftime(form) for start in starts), "now"]


def _words(hours: Sequence[StatsHour]) -> str:
    delivered, failed = sum(one.delivered for one in hours), sum(one.failed_attempts for one in hours)
    return f"{len(hours)} hours: {delivered:,} succeeded, {failed:,} failed attempts"
