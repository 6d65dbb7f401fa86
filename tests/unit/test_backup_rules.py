"""Which backups are due and kept, and how a database's URL is handed to PostgreSQL's programs."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from waypost.domain.backups import is_due, kept
from waypost.store.backups.clients import without_password
from waypost.store.backups.freezing import despite_closing

MONDAY = datetime(2026, 11, 30, 3, tzinfo=UTC)


def test_the_first_backup_is_due_at_once_and_the_next_after_a_day() -> None:
    assert is_due([], MONDAY)
    assert not is_due([MONDAY], MONDAY + timedelta(hours=23))
    assert is_due([MONDAY - timedelta(days=3), MONDAY], MONDAY + timedelta(days=1))


def test_seven_days_and_four_weeks_are_kept() -> None:
    daily = [MONDAY - timedelta(days=days) for days in range(60)]

    assert sorted((MONDAY - one).days for one in kept(daily)) == [0, 1, 2, 3, 4, 5, 6, 8, 15]


def test_of_one_day_only_the_newest_is_kept_and_old_ones_stay_until_there_are_newer() -> None:
    rare = [MONDAY - timedelta(days=days) for days in (400, 500)]
    twice = [MONDAY, MONDAY + timedelta(hours=2)]

    assert kept(rare) == set(rare)
    assert kept([*rare, *twice]) == {*rare, twice[1]}
    assert kept([]) == set()


@pytest.mark.parametrize(
    ("url", "place", "password"),
    [
        ("postgresql://u:p%40ss@db/w", "postgresql://u@db/w", "p@ss"),
        ("postgres://u:p@db1:5433,db2/w", "postgresql://u@db1:5433,db2/w?target_session_attrs=read-write", "p"),
        ("postgresql://u:p@/w?host=%2Frun&port=5432", "postgresql://u@/w?host=%2Frun&port=5432", "p"),
        ("postgresql:///w?password=p&user=u", "postgresql:///w?user=u", "p"),
        ("postgresql://db/w", "postgresql://db/w", None),
    ],
)
def test_a_password_is_handed_over_apart_from_the_url(url: str, place: str, password: str | None) -> None:
    assert without_password(url) == (place, password)


def test_sessions_that_pass_the_closing_keep_the_options_of_the_url() -> None:
    url = despite_closing("postgresql:///w?host=%2Frun&options=-c%20search_path%3Da")

    assert dict(parse_qsl(urlsplit(url).query)) == {
        "host": "/run",
        "options": "-c search_path=a -c default_transaction_read_only=off",
    }
    assert url.startswith("postgresql:///w?")
    assert despite_closing("postgresql://u@a,b/w").startswith("postgresql://u@a,b/w?options=")
