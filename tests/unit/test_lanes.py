"""How much a dispatcher claims ahead for one endpoint, and how much it starts."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec

from waypost.dispatch.attempts import LeasedDelivery
from waypost.dispatch.lanes import IN_FLIGHT, MOST_HELD, SLOW_SECONDS, Lanes, LaneState
from waypost.dispatch.stages import Times
from waypost.domain.attempts import Cause
from waypost.domain.breaker import OPENS_AFTER
from waypost.domain.concurrency import FEW
from waypost.domain.deliveries import Settled
from waypost.store.rows import AttemptRow, Claimed, Finished, LaneEndpoint

EPOCH = datetime(2026, 7, 1, tzinfo=UTC)


def leased() -> LeasedDelivery:
    claimed = Claimed(
        bucket=0, id=uuid4(), endpoint=uuid4(), tracking=uuid4(), event=uuid4(), sequence=1, tries=0, lease_no=1,
        packed=None,
    )  # fmt: skip
    return LeasedDelivery(claimed, latest_begin=0.0, times=Times(waited=0.0, claiming_since=0.0))


def ending(outcome: str, reason: Cause | None = None) -> Finished:
    attempt = AttemptRow(
        bucket=0, delivery=uuid4(), number=1, started_at=datetime.now(UTC), duration_ms=1, version="V4",
        outcome=outcome, status_code=None, retry_after_seconds=None, url="", signed_at=0, signatures=b"",
        user_agent="", own_headers=None, body_sha256=b"", body_length=0, response_headers=None,
        response_body=None, response_truncated=None, reason=reason,
    )  # fmt: skip
    return Finished(leased().claimed, attempt, Settled.DELIVERED if outcome == "succeeded" else None)


def attempt(
    lane: LaneState, outcome: str = "succeeded", reason: Cause | None = None, *, took: float = 0.01, at: float = 0.0
) -> list[LeasedDelivery]:
    lane.begins()
    return lane.ended(ending(outcome, reason), began=at, now=at + took, jitter=0.0, base_seconds=30)


def limited_to(per_second: int | None) -> LaneEndpoint:
    return LaneEndpoint(
        id=uuid4(), account=uuid4(), email="", url="", version="V4", enabled=True, deleted=False, secret=b"",
        previous_secret=None, previous_until=None, headers=None, rate_limit_per_second=per_second, updated_at=EPOCH,
    )  # fmt: skip


def test_a_new_lane_claims_no_more_than_its_concurrency() -> None:
    lane = LaneState()

    assert lane.wanted(0.0) == IN_FLIGHT


def test_a_broken_body_lowers_the_concurrency_and_a_failure_with_a_reason_does_not() -> None:
    lane = LaneState()
    attempt(lane, "bad_response", Cause.NOT_HTTP)
    assert lane.allowed == IN_FLIGHT

    attempt(lane, "succeeded", Cause.BODY_TOO_LONG)

    assert lane.allowed == FEW


def test_fast_responses_raise_the_claim_up_to_the_lease_limit() -> None:
    lane = LaneState()

    given_back = [attempt(lane) for _ in range(2 * MOST_HELD)]

    assert lane.wanted(0.0) == MOST_HELD
    assert given_back == [[]] * (2 * MOST_HELD)


def test_a_slow_response_lowers_the_claim_and_releases_unsent_deliveries() -> None:
    lane = LaneState()
    for _ in range(100):
        attempt(lane)
    waiting = [leased() for _ in range(40)]
    lane.waiting.extend(waiting)

    given_back = attempt(lane, took=SLOW_SECONDS)

    assert given_back == waiting
    assert (len(lane.waiting), lane.wanted(0.0)) == (0, IN_FLIGHT)


def test_a_fast_lane_is_refilled_only_when_half_empty() -> None:
    lane = LaneState()
    for _ in range(MOST_HELD):
        attempt(lane)

    lane.waiting.extend(leased() for _ in range(MOST_HELD // 2))

    assert lane.wanted(0.0) == 0
    lane.waiting.popleft()
    assert lane.wanted(0.0) == MOST_HELD // 2 + 1


def test_a_failing_endpoint_gets_one_probe_at_a_time_and_releases_waiting_deliveries() -> None:
    lane = LaneState()
    lane.waiting.append(leased())

    given_back = [attempt(lane, "http_5xx") for _ in range(OPENS_AFTER)]

    assert [len(some) for some in given_back] == [0] * (OPENS_AFTER - 1) + [1]
    assert lane.wanted(1.0) == 0
    assert lane.wanted(60.0) == 1
    lane.begins()
    assert lane.wanted(60.0) == 0


def test_changing_an_endpoint_with_an_open_breaker_probes_it_at_once() -> None:
    lane, endpoint = LaneState(), limited_to(None)
    lane.refresh(endpoint, free_at=0.0, now=0.0)
    for _ in range(OPENS_AFTER):
        attempt(lane, "http_5xx")

    lane.refresh(endpoint, free_at=0.0, now=1.0)
    unchanged = lane.wanted(1.0)
    lane.refresh(msgspec.structs.replace(endpoint, updated_at=EPOCH + timedelta(seconds=1)), free_at=0.0, now=1.0)

    assert (unchanged, lane.wanted(1.0)) == (0, 1)


def test_a_probe_without_an_attempt_allows_another_probe() -> None:
    lane = LaneState()
    for _ in range(OPENS_AFTER):
        attempt(lane, "timed_out")
    at = 60.0
    lane.begins()

    lane.ended(Finished(leased().claimed, None, None), began=at, now=at, jitter=0.0, base_seconds=30)

    assert lane.wanted(at) == 1


def test_what_was_claimed_while_the_breaker_opened_is_given_back_except_for_a_probe() -> None:
    lane = LaneState()
    for _ in range(OPENS_AFTER):
        attempt(lane, "http_5xx")
    early, late = [leased() for _ in range(3)], [leased() for _ in range(3)]

    lane.waiting.extend(early)
    before_the_pause_is_over = lane.surplus(0.1)
    lane.waiting.extend(late)
    after = lane.surplus(60.0)

    assert sorted(one.claimed.id for one in before_the_pause_is_over) == sorted(one.claimed.id for one in early)
    assert (list(lane.waiting), len(after)) == (late[:1], 2)


def test_a_lane_with_a_closed_breaker_keeps_all_that_was_claimed() -> None:
    lane = LaneState()
    lane.waiting.extend(leased() for _ in range(2 * IN_FLIGHT))

    assert lane.surplus(0.0) == []


async def test_an_attempt_that_its_rate_limit_holds_back_is_not_made_after_the_breaker_opened() -> None:
    lane = LaneState()
    lane.refresh(limited_to(1), free_at=0.0, now=0.0)
    lane.begins()
    for _ in range(OPENS_AFTER):
        attempt(lane, "http_5xx")

    held_back = await lane.turn(lambda: 0.0)
    lane.ended(Finished(leased().claimed, None, None), began=0.0, now=0.0, jitter=0.0, base_seconds=30)
    lane.begins()
    probe = await lane.turn(lambda: 60.0)

    assert (held_back, probe) == (False, True)


def test_a_rate_limited_endpoint_holds_at_most_one_seconds_deliveries() -> None:
    lane = LaneState()
    lane.refresh(limited_to(4), free_at=0.0, now=0.0)

    wanted = [lane.wanted(0.0)]
    lane.begins()
    wanted.append(lane.wanted(0.0))

    assert wanted == [4, 3]


def test_a_newly_owned_rate_limit_waits_for_the_previous_owner() -> None:
    lane = LaneState()

    lane.refresh(limited_to(10), free_at=13.0, now=0.0)

    assert lane.pace is not None
    assert lane.pace.wait(10.0) == 3.0


def test_an_idle_lane_is_forgotten_unless_it_is_being_claimed_or_has_state() -> None:
    idle, claimed_for, failing, limited, off, given_away = (uuid4() for _ in range(6))
    lanes = Lanes()
    lanes[claimed_for].claiming = 1
    for one in (failing, off, given_away):
        lanes[one].refresh(limited_to(None), free_at=0.0, now=0.0)
        attempt(lanes[one], "http_5xx")
    lanes[off].refresh(msgspec.structs.replace(limited_to(None), enabled=False), free_at=0.0, now=0.0)
    lanes[limited].refresh(limited_to(1), free_at=5.0, now=0.0)
    assert lanes[idle].wanted(0.0)

    lanes.forget_idle(0.0, lambda endpoint: endpoint != given_away)

    assert list(lanes) == [claimed_for, failing, limited]
