"""Endpoints are distributed evenly, and only necessary ones move."""

from collections import Counter
from uuid import UUID

import pytest

from waypost.dispatch.membership import SETTLES_IN_SECONDS, Membership
from waypost.domain import ids
from waypost.domain.rendezvous import owner

ACCOUNTS = [UUID(int=number) for number in range(500)]
GROUPS = [
    [ids.make_endpoint_id(1_790_000_000_000, account, place, account.int) for place in range(4)] for account in ACCOUNTS
]
ENDPOINTS = [endpoint for group in GROUPS for endpoint in group]
OLD = [ids.make_id(1_790_000_000_000, 0, number) for number in range(2000)]


@pytest.mark.parametrize("endpoints", [ENDPOINTS, OLD], ids=["in groups", "from before there were groups"])
def test_members_get_about_the_same_number_of_endpoints(endpoints: list[UUID]) -> None:
    shares = Counter(owner(endpoint, range(1, 6)) for endpoint in endpoints)

    assert all(320 < share < 480 for share in shares.values())
    assert shares.total() == 2000


@pytest.mark.parametrize(("members", "shares"), [(2, [2, 2]), (3, [2, 1, 1]), (4, [1, 1, 1, 1]), (6, [1, 1, 1, 1])])
def test_the_endpoints_of_each_account_are_distributed_evenly(members: int, shares: list[int]) -> None:
    for group in GROUPS:
        assert sorted(Counter(owner(one, range(members)) for one in group).values(), reverse=True) == shares


def test_the_order_of_the_members_does_not_matter() -> None:
    assert [owner(endpoint, [1, 2, 3]) for endpoint in ENDPOINTS] == [
        owner(endpoint, [3, 1, 2]) for endpoint in ENDPOINTS
    ]


def test_when_a_member_leaves_little_but_its_own_endpoints_moves() -> None:
    before = {endpoint: owner(endpoint, range(8)) for endpoint in ENDPOINTS}
    after = {endpoint: owner(endpoint, range(1, 8)) for endpoint in ENDPOINTS}
    moved = Counter(before[endpoint] for endpoint in ENDPOINTS if before[endpoint] != after[endpoint])

    assert moved.pop(0) == sum(1 for number in before.values() if number == 0)
    assert moved.total() < 2000 / 8


def test_without_groups_only_the_leaving_members_endpoints_move() -> None:
    moved = {owner(endpoint, [1, 2, 3]) for endpoint in OLD if owner(endpoint, [1, 2, 3]) != owner(endpoint, [1, 3])}

    assert moved == {2}


def test_without_members_an_endpoint_has_no_owner() -> None:
    assert owner(ENDPOINTS[0], []) is None


def test_two_members_agree_on_owners_and_a_single_one_owns_all() -> None:
    first, second = Membership(), Membership()
    assert first.update(1, [], now=0.0)
    assert all(map(first.mine, ENDPOINTS))
    assert first.settled_at == 0.0

    assert first.update(1, [2], now=5.0)
    assert second.update(2, [1], now=5.0)

    assert [first.mine(endpoint) for endpoint in ENDPOINTS] == [not second.mine(endpoint) for endpoint in ENDPOINTS]
    assert first.settled_at == 5.0 + SETTLES_IN_SECONDS
    assert not first.update(1, [2], now=6.0)
