"""Endpoints are shared evenly, and only what has to changes hands."""

from collections import Counter
from uuid import UUID

from waypost.dispatch.membership import SETTLES_IN_SECONDS, Membership
from waypost.domain.rendezvous import owner

THINGS = [UUID(int=number << 64) for number in range(2000)]


def test_everybody_gets_about_the_same() -> None:
    shares = Counter(owner(thing, [1, 2, 3, 4]) for thing in THINGS)

    assert all(400 < share < 600 for share in shares.values())


def test_the_order_of_the_members_does_not_matter() -> None:
    assert [owner(thing, [1, 2, 3]) for thing in THINGS] == [owner(thing, [3, 1, 2]) for thing in THINGS]


def test_when_one_leaves_only_its_own_changes_hands() -> None:
    before = {thing: owner(thing, [1, 2, 3]) for thing in THINGS}
    after = {thing: owner(thing, [1, 3]) for thing in THINGS}

    assert {before[thing] for thing in THINGS if before[thing] != after[thing]} == {2}


def test_nobody_owns_what_nobody_could() -> None:
    assert owner(THINGS[0], []) is None


def test_two_agree_on_who_has_what_and_one_alone_has_all() -> None:
    first, second = Membership(), Membership()
    assert first.update(1, [], now=0.0)
    assert all(map(first.mine, THINGS))
    assert first.settled_at == 0.0

    assert first.update(1, [2], now=5.0)
    assert second.update(2, [1], now=5.0)

    assert [first.mine(thing) for thing in THINGS] == [not second.mine(thing) for thing in THINGS]
    assert first.settled_at == 5.0 + SETTLES_IN_SECONDS
    assert not first.update(1, [2], now=6.0)
