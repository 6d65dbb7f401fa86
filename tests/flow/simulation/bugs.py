"""Plausible bugs of the engine, each planted by a switch: the ledger has to detect every one."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from tests.flow.simulation.trouble import BUSY, CALM, OUTAGE, STORMY, Trouble
from waypost.dispatch import run
from waypost.dispatch.account_shares import AccountShares
from waypost.dispatch.membership import Membership
from waypost.dispatch.run import Sender
from waypost.domain import breaker, endpoints
from waypost.domain.attempts import Outcome
from waypost.domain.pace import Pace
from waypost.domain.retry import Decision, RetryIn, decide
from waypost.intake import collector
from waypost.signing import rotation
from waypost.store import settling
from waypost.store.rows import AttemptRow, Claimed, Finished
from waypost.store.statements import TEXTS, Session

Plant = Callable[[pytest.MonkeyPatch], None]


def misspelt(name: str, right: str, wrong: str) -> Plant:
    """Plant a mistake in a named statement."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        assert right in TEXTS[name]
        patch.setitem(TEXTS, name, TEXTS[name].replace(right, wrong))

    return plant


def answer_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    share = collector._share

    def early(groups: list[Any], written: Any) -> None:
        share(groups, written)
        for group in groups:
            group.end()

    patch.setattr(collector, "_share", early)


def time_out_is_not_an_attempt(patch: pytest.MonkeyPatch) -> None:
    really = Sender._decide

    def forgiving(
        sender: Sender, claimed: Claimed, attempt: AttemptRow, outcome: Outcome, retry_after: float | None
    ) -> Finished:
        if outcome is Outcome.TIMED_OUT:
            return Finished(claimed, None, None, wait_seconds=30)
        return really(sender, claimed, attempt, outcome, retry_after)

    patch.setattr(Sender, "_decide", forgiving)


def retry_after_shortens(patch: pytest.MonkeyPatch) -> None:
    def obedient(*policy: Any, retry_after_seconds: float | None = None, **attempt: Any) -> Decision:
        decision = decide(*policy, retry_after_seconds=retry_after_seconds, **attempt)
        if isinstance(decision, RetryIn) and retry_after_seconds is not None:
            return RetryIn(retry_after_seconds)
        return decision

    patch.setattr(run, "decide", obedient)


def unblocked_on_retry(patch: pytest.MonkeyPatch) -> None:
    retry = settling._retry

    async def hasty(session: Session, retried: Sequence[Finished], now: datetime) -> None:
        await retry(session, retried, now)
        for one in (finished.claimed for finished in retried):
            followers = await session.fetch(
                "select id from due where tracking = $1 and endpoint = $2 and blocked order by sequence limit 1",
                *(one.tracking, one.endpoint),
            )
            for follower in followers:
                await session.execute("update due set blocked = true where id = $1", one.id)
                await session.execute("update due set blocked = false where id = $1", follower["id"])

    patch.setattr(settling, "_retry", hasty)


def fan_out_to_what_is_off(patch: pytest.MonkeyPatch) -> None:
    skips = endpoints.skips

    def generous(endpoint: endpoints.SubscribedEndpoint, *status: Any, **changed: Any) -> endpoints.Skip | None:
        return skips(msgspec.structs.replace(endpoint, enabled=True), *status, **changed)

    patch.setattr(endpoints, "skips", generous)


def half_open_lets_all_through(patch: pytest.MonkeyPatch) -> None:
    room = breaker.room

    def generous(lane: breaker.Breaker, *, most: int, in_flight: int, now: float) -> int:
        if lane.state is breaker.BreakerState.OPEN and now >= lane.until:
            return most - in_flight
        return room(lane, most=most, in_flight=in_flight, now=now)

    patch.setattr(breaker, "room", generous)


def everybody_owns_everything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Membership, "mine", lambda _membership, _endpoint: True)


def no_pace_is_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Pace, "wait", lambda _pace, _now: 0.0)


def no_account_is_bounded(patch: pytest.MonkeyPatch) -> None:
    def generous(shares: AccountShares[Any], account: UUID, lane: object) -> bool:
        del lane
        shares.add(account)
        return True

    patch.setattr(AccountShares, "take", generous)


def body_changes_after_it_was_signed(patch: pytest.MonkeyPatch) -> None:
    sign = rotation.standard_headers
    patch.setattr(
        "waypost.dispatch.signer.standard_headers", lambda secrets, of, now, body: sign(secrets, of, now, body + b" ")
    )


BUGS: dict[str, tuple[Plant, Trouble]] = {
    "the fence is not compared on settle": (
        misspelt("hold", "q.lease_no = u.lease_no and q.tries = u.tries", "true"),
        STORMY,
    ),
    "the fence is not compared when all were delivered": (
        misspelt("settle_delivered", "q.lease_no = u.lease_no and q.tries = u.tries", "true"),
        STORMY,
    ),
    "a lease that ends now counts as held": (
        misspelt("claim", "leased_until <= now()", "leased_until < now()"),
        STORMY,
    ),
    "an answer goes out before the commit": (answer_before_the_commit, STORMY),
    "a time-out is not counted as an attempt": (time_out_is_not_an_attempt, CALM),
    "Retry-After shortens a wait": (retry_after_shortens, CALM),
    "a half-open breaker lets all through": (half_open_lets_all_through, OUTAGE),
    "a parcel is unblocked on retry instead of settle": (unblocked_on_retry, CALM),
    "rescue takes the leases of the living": (
        misspelt(
            "prove_life", "pg_try_advisory_lock(hashtext(current_schema() || '.dispatcher'), $1)", "$1::integer > 0"
        ),
        CALM,
    ),
    "the latest goes by time instead of sequence": (
        misspelt("newer", "q.sequence > u.sequence", "q.next_at > now()"),
        CALM,
    ),
    "a new delivery does not wait for the one before": (
        misspelt("write_few", "n.ordering,\n           n.blocked or exists", "'unordered', false and exists"),
        CALM,
    ),
    "an endpoint that is off gets deliveries": (fan_out_to_what_is_off, CALM),
    "every dispatcher takes every endpoint for its own": (everybody_owns_everything, CALM),
    "a rate limit is not kept to": (no_pace_is_kept, CALM),
    "an account has more in flight than its share": (no_account_is_bounded, CALM),
    "a body changes after it was signed": (body_changes_after_it_was_signed, CALM),
    "what was cancelled in flight goes on": (misspelt("cancel", "set cancelling = $3", "set cancelling = null"), BUSY),
    "a recovery steps over first events": (
        misspelt("events_to_judge", "e.id > $5", "e.id > $5 and sequence > 1"),
        CALM,
    ),
}
