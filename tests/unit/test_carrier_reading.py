"""Reading that adapters share: countries, and local times in the zones of their places."""

from zoneinfo import ZoneInfo

import pytest

from waypost.sources.reading import When, country, in_zone

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("wall_time", "minutes"),
    [
        ("2026-01-15T12:00:00", 60),
        ("2026-07-15T12:00:00", 120),
        ("2026-03-29T01:59:59", 60),
        ("2026-03-29T03:00:00", 120),
        ("2026-10-25T01:59:59", 120),
        ("2026-10-25T03:00:00", 60),
    ],
)
def test_a_local_time_gets_the_offset_of_its_zone_at_that_time(wall_time: str, minutes: int) -> None:
    assert in_zone(When(wall_time), AMSTERDAM) == When(wall_time, minutes)


@pytest.mark.parametrize("wall_time", ["2026-03-29T02:00:00", "2026-03-29T02:59:59", "2026-10-25T02:30:00"])
def test_an_hour_that_the_clocks_skip_or_repeat_has_no_offset(wall_time: str) -> None:
    assert in_zone(When(wall_time), AMSTERDAM) == When(wall_time, None)


def test_a_written_offset_takes_precedence_over_the_zone() -> None:
    assert in_zone(When("2026-01-15T12:00:00", 0), AMSTERDAM) == When("2026-01-15T12:00:00", 0)


@pytest.mark.parametrize(
    ("text", "code"),
    [("nl", "NL"), (" DEU ", "DE"), ("GBR", "GB"), ("XXX", None), ("Germany", None), ("", None), (276, None)],
)
def test_countries_are_recognised_by_two_or_three_letters(text: object, code: str | None) -> None:
    assert country(text) == code
