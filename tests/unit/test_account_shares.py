"""The attempts of an account are bounded, and its lanes have what there is in turns."""

from uuid import uuid4

from waypost.dispatch.account_shares import AccountShares

ONE, OTHER = uuid4(), uuid4()


class Lane:
    """A lane with so many deliveries to send."""

    def __init__(self, name: str, waiting: int) -> None:
        self.name = name
        self.waiting = waiting


class Account:
    """Lanes of one account, and in which order they were given its share."""

    def __init__(self, most: int) -> None:
        self.shares = AccountShares[Lane](self.employ, most)
        self.begun: list[str] = []

    def employ(self, lane: Lane) -> None:
        while lane.waiting and self.shares.take(ONE, lane):
            lane.waiting -= 1
            self.begun.append(lane.name)

    def end(self) -> None:
        self.shares.leave(ONE)


def test_no_more_of_an_account_begin_than_its_share_and_another_account_has_its_own() -> None:
    account = Account(3)
    account.employ(Lane("a", 10))

    assert account.begun == ["a"] * 3
    assert account.shares.take(OTHER, Lane("b", 1))


def test_lanes_that_wait_have_their_turns_one_by_one() -> None:
    account = Account(2)
    for name in "abc":
        account.employ(Lane(name, 4))

    for _ in range(6):
        account.end()

    assert account.begun == [*"aa", *"abc", *"abc"]


def test_a_lane_is_told_to_yield_while_another_one_waits() -> None:
    account = Account(1)
    account.employ(Lane("a", 1))
    before = account.shares.must_yield(ONE)
    account.employ(Lane("b", 1))

    assert (before, account.shares.must_yield(ONE)) == (False, True)
    account.end()
    assert not account.shares.must_yield(ONE)


def test_what_a_person_asked_for_does_not_wait_but_counts() -> None:
    account = Account(1)
    account.shares.add(ONE)
    account.shares.add(ONE)
    account.employ(Lane("a", 1))
    account.end()
    assert account.begun == []

    account.end()

    assert account.begun == ["a"]


def test_nothing_is_remembered_of_an_account_that_has_nothing_in_flight() -> None:
    account = Account(1)
    for _ in range(3):
        account.employ(Lane("a", 1))
        account.end()

    assert not account.shares._in_flight
    assert not account.shares._waiting
