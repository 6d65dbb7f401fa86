"""Charts are well-formed SVG with a text alternative."""

from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from waypost.actions.endpoint_stats import StatsHour
from waypost.domain.times import rfc3339
from waypost.portal.charts import bars, strip
from waypost.portal.wording import zone_of
from waypost.store.hours import AttemptsOfDay

COUNTS = st.integers(0, 10**9)
HOURS = st.lists(st.builds(StatsHour, st.just("2026-03-04T13:00:00.000Z"), COUNTS, COUNTS, COUNTS), max_size=30)


@given(HOURS)
def test_every_bar_is_inside_the_chart_and_nonzero_values_are_visible(hours):
    tree = ET.fromstring(bars(hours, UTC, height=48).svg)  # noqa: S314 - our own text

    _, _, width, height = (int(number) for number in tree.attrib["viewBox"].split())
    for bar in tree:
        left, top, wide, high = (int(bar.attrib[name]) for name in ("x", "y", "width", "height"))
        assert 0 <= left <= left + wide <= width
        assert 0 <= top <= top + high <= height + 1
        assert high >= 1
    seen = [bar.attrib["class"] for bar in tree]
    assert seen.count("good") == sum(one.delivered > 0 for one in hours)
    assert seen.count("bad") == sum(one.failed_attempts > 0 for one in hours)
    assert seen.count("none") == sum(not one.delivered and not one.failed_attempts for one in hours)


def test_a_chart_has_a_text_alternative():
    hours = [StatsHour("2026-03-04T13:00:00.000Z", 1200, 1, 30), StatsHour("2026-03-04T14:00:00.000Z", 34, 0, 0)]

    assert ET.fromstring(bars(hours, UTC).svg).attrib["aria-label"] == "2 hours: 1,234 succeeded, 30 failed attempts"  # noqa: S314 - made by us


def hours_from(at: datetime, count: int, delivered: int) -> list[StatsHour]:
    return [StatsHour(rfc3339(at + timedelta(hours=number)), delivered, 0, 0) for number in range(count)]


def test_the_axes_have_round_values_and_the_hours_of_the_visitors_zone():
    begin = datetime(2026, 3, 4, 13, tzinfo=UTC)

    day = bars(hours_from(begin, 25, 130), zone_of("Europe/Berlin"))
    week = bars(hours_from(begin, 169, 3), UTC)

    assert day.values == ["200", "100", "0"]
    assert day.times == ["14:00", "20:00", "02:00", "08:00", "now"]
    assert week.values == ["5", "", "0"]
    assert week.times == ["04 Mar 13:00", "06 Mar 07:00", "08 Mar 01:00", "09 Mar 19:00", "now"]


def test_a_day_without_success_is_red_and_one_with_some_failures_is_both():
    today = date(2026, 3, 4)
    days = [
        AttemptsOfDay(today, 0, 0),
        AttemptsOfDay(today, 9, 0),
        AttemptsOfDay(today, 1000, 1),
        AttemptsOfDay(today, 5, 5),
    ]

    tree = ET.fromstring(strip(days))  # noqa: S314 - our own text

    assert [bar.attrib["class"] for bar in tree] == ["none", "good", "good", "bad", "bad"]
    assert tree.attrib["aria-label"] == (
        "4 days: 1 without failed attempts, 1 with some, 1 in which every attempt failed"
    )
