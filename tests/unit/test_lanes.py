"""How much a dispatcher claims ahead of one endpoint."""

from uuid import uuid4

from waypost.dispatch.lanes import IN_FLIGHT, MOST_HELD, SLOW_SECONDS, Held, Lanes, LaneState
from waypost.store.rows import Claimed


def held() -> Held:
    claimed = Claimed(
        bucket=0, id=uuid4(), endpoint=uuid4(), tracking=uuid4(), event=uuid4(), sequence=1, tries=0, lease_no=1,
        packed=None,
    )  # fmt: skip
    return Held(claimed, begin_before=0.0)


def test_a_new_lane_claims_no_more_than_may_be_in_flight() -> None:
    lane = LaneState()

    assert lane.wanted == IN_FLIGHT


def test_quick_answers_make_room_up_to_the_most_that_is_held() -> None:
    lane = LaneState()

    given_back = [lane.ended(0.01) for _ in range(2 * MOST_HELD)]

    assert lane.wanted == MOST_HELD
    assert given_back == [[]] * (2 * MOST_HELD)


def test_a_slow_answer_takes_the_room_back_and_gives_back_what_has_not_begun() -> None:
    lane = LaneState()
    for _ in range(100):
        lane.ended(0.01)
    waiting = [held() for _ in range(40)]
    lane.waiting.extend(waiting)

    given_back = lane.ended(SLOW_SECONDS)

    assert given_back == waiting
    assert (len(lane.waiting), lane.wanted) == (0, IN_FLIGHT)


def test_a_quick_lane_is_refilled_only_when_it_is_half_empty() -> None:
    lane = LaneState()
    for _ in range(MOST_HELD):
        lane.ended(0.01)

    lane.waiting.extend(held() for _ in range(MOST_HELD // 2))

    assert lane.wanted == 0
    lane.waiting.popleft()
    assert lane.wanted == MOST_HELD // 2 + 1


def test_an_idle_lane_is_forgotten_but_not_while_it_is_claimed_for() -> None:
    lanes, idle, claimed_for = Lanes(), uuid4(), uuid4()
    lanes[claimed_for].claiming = True
    assert lanes[idle].wanted

    lanes.forget_idle()

    assert list(lanes) == [claimed_for]
