"""Deliveries suspected of killing the process: when they are tried, and that innocent ones are never given up."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from waypost.domain import suspicion
from waypost.domain.suspicion import AMONG, MOST_DEATHS, SUSPECT_AFTER, Suspect, lived_before

TIMEOUT = 15.0
ENDPOINT = UUID(int=0)
LONG_AGO = 1e9


def suspect(number: int, deaths: int = SUSPECT_AFTER, *, in_hand: bool = False) -> Suspect:
    return Suspect(UUID(int=number), ENDPOINT, deaths, in_hand)


def numbers(suspects: list[Suspect], lived: float = LONG_AGO) -> list[int]:
    return [one.id.int for one in suspicion.next_to_try(suspects, lived_seconds=lived, timeout_seconds=TIMEOUT)]


def test_new_suspects_are_tried_a_few_at_a_time_and_before_older_ones() -> None:
    old = [suspect(number, SUSPECT_AFTER + 1) for number in range(3)]

    assert numbers([*old, *map(suspect, range(10, 50))]) == list(range(10, 10 + AMONG))
    assert numbers(old) == [0]


def test_no_suspect_is_tried_while_another_one_is() -> None:
    assert numbers([suspect(1), suspect(2, MOST_DEATHS), suspect(3, in_hand=True)]) == []


def test_each_try_waits_until_the_process_has_lived_twice_as_long() -> None:
    waits = [lived_before(deaths, TIMEOUT) for deaths in range(SUSPECT_AFTER, MOST_DEATHS)]

    assert waits == [30, 60, 120, 240, 480]
    for deaths, wait in enumerate(waits, SUSPECT_AFTER):
        assert numbers([suspect(1, deaths)], wait - 0.1) == []
        assert numbers([suspect(1, deaths)], wait) == [1]


def test_a_delivery_given_up_blocks_nothing() -> None:
    assert numbers([suspect(1), suspect(2, MOST_DEATHS)], 0.0) == [2]


def one_life(deaths: dict[int, int], fatal: set[int], ends_at: float = LONG_AGO) -> set[int]:
    """Let a process run until it has nothing to try, or dies. Return the deliveries it gave up.

    A fatal one ends it at once, the others hang until they time out.
    """
    now, given_up = 0.0, set()
    while deaths and now < ends_at:
        taken = numbers([suspect(number, count) for number, count in deaths.items()], now)
        if any(deaths[number] == MOST_DEATHS for number in taken):
            given_up |= set(taken)
        elif fatal & set(taken) or (taken and now + TIMEOUT > ends_at):
            deaths |= {number: deaths[number] + 1 for number in taken}
            return given_up
        for number in taken:
            del deaths[number]
        now += TIMEOUT if taken else 1.0
    return given_up


@given(st.floats(1, 3000))
def test_a_process_that_dies_regularly_never_makes_an_innocent_delivery_fail(ends_at: float) -> None:
    deaths = {1: SUSPECT_AFTER}

    assert all(not one_life(deaths, set(), ends_at) for _ in range(MOST_DEATHS))
    assert deaths.get(1, 0) <= SUSPECT_AFTER + 1


@examples(40)
@given(st.sets(st.integers(0, 40), min_size=1, max_size=3), st.integers(1, 60))
def test_exactly_the_fatal_deliveries_are_identified(fatal: set[int], count: int) -> None:
    deaths = dict.fromkeys(fatal | set(range(count)), SUSPECT_AFTER)

    given_up = set[int]().union(*(one_life(deaths, fatal) for _ in range(MOST_DEATHS * len(fatal) + 1)))

    assert (given_up, deaths) == (fatal, {})
