"""The attempts of an account are limited, and its lanes share them in turns."""

from uuid import uuid4

from waypost.dispatch.account_shares import AccountShares

ONE, OTHER = uuid4(), uuid4()


class Lane:
    """A lane with this number of deliveries to send."""

    def __init__(self, name: str, waiting: int) -> None:
        self.name = name
        self.waiting = waiting


class Account:
    """Lanes of one account, and the order in which they got its share."""

    def __init__(self, most: int) -> None:
        self.shares = AccountShares[Lane](self.employ, most)
        self.begun: list[str] = []

    def employ(self, lane: Lane) -> None:
        while lane.waiting and self.shares.take(ONE, lane):
            lane.waiting -= 1
            self.begun.append(lane.name)

    def end(self) -> None:
        self.shares.leave(ONE)


def test_an_account_starts_no_more_than_its_share_and_other_accounts_have_their_own() -> None:
    account = Account(3)
    account.employ(Lane("a", 10))

    assert account.begun == ["a"] * 3
    assert account.shares.take(OTHER, Lane("b", 1))


def test_waiting_lanes_take_turns() -> None:
    account = Account(2)
    for name in "abc":
        account.employ(Lane(name, 4))

    for _ in range(6):
        account.end()

    assert account.begun == [*"aa", *"abc", *"abc"]


def test_a_lane_yields_while_another_one_waits() -> None:
    account = Account(1)
    account.employ(Lane("a", 1))
    before = account.shares.must_yield(ONE)
    account.employ(Lane("b", 1))

    assert (before, account.shares.must_yield(ONE)) == (False, True)
    account.end()
    assert not account.shares.must_yield(ONE)


def test_manual_sends_do_not_wait_but_count() -> None:
    account = Account(1)
    account.shares.add(ONE)
    account.shares.add(ONE)
    account.employ(Lane("a", 1))
    account.end()
    assert account.begun == []

    account.end()

    assert account.begun == ["a"]


def test_accounts_with_nothing_in_flight_are_forgotten() -> None:
    account = Account(1)
    for _ in range(3):
        account.employ(Lane("a", 1))
        account.end()

    assert not account.shares._in_flight
    assert not account.shares._waiting
