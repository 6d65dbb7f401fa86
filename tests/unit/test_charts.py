"""Charts are well-formed SVG with a text alternative."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from waypost.actions.endpoint_stats import StatsHour
from waypost.portal.charts import bars

COUNTS = st.integers(0, 10**9)
HOURS = st.lists(st.builds(StatsHour, st.just("2026-03-04T13:00:00.000Z"), COUNTS, COUNTS, COUNTS), max_size=30)


@given(HOURS)
def test_every_bar_is_inside_the_chart_and_nonzero_values_are_visible(hours):
    tree = ET.fromstring(bars(hours, height=48).svg)  # noqa: S314 - our own text

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

    assert ET.fromstring(bars(hours).svg).attrib["aria-label"] == "2 hours: 1,234 succeeded, 30 failed attempts"  # noqa: S314
