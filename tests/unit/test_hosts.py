"""The hosts of a database URL: each is tried by itself, and of several the one is wanted that takes writes."""

import pytest

from waypost.store.hosts import one_host_each


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://a:b@one/c", ["postgresql://a:b@one/c"]),
        ("postgresql://a:b@/c?host=%2Frun&port=5433", ["postgresql://a:b@/c?host=%2Frun&port=5433"]),
        (
            "postgresql://a:b%2Cd@one:1,two:2/c?sslmode=require",
            [
                "postgresql://a:b%2Cd@one:1/c?sslmode=require&target_session_attrs=read-write",
                "postgresql://a:b%2Cd@two:2/c?sslmode=require&target_session_attrs=read-write",
            ],
        ),
        (
            "postgresql://one,[::1]:5433/c",
            [
                "postgresql://one/c?target_session_attrs=read-write",
                "postgresql://[::1]:5433/c?target_session_attrs=read-write",
            ],
        ),
        (
            "postgresql://one,two/c?target_session_attrs=any",
            ["postgresql://one/c?target_session_attrs=any", "postgresql://two/c?target_session_attrs=any"],
        ),
        (
            "postgresql:///c?host=one,two&port=1,2",
            [
                "postgresql:///c?host=one&port=1&target_session_attrs=read-write",
                "postgresql:///c?host=two&port=2&target_session_attrs=read-write",
            ],
        ),
        (
            "postgresql:///c?host=one,two&port=1",
            [
                "postgresql:///c?host=one&port=1&target_session_attrs=read-write",
                "postgresql:///c?host=two&port=1&target_session_attrs=read-write",
            ],
        ),
    ],
)
def test_each_host_of_a_url_has_a_url_of_its_own(url: str, hosts: list[str]) -> None:
    assert one_host_each(url) == hosts
