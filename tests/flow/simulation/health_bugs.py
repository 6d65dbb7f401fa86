"""Plausible bugs of the keeper's judgement and of alerts, each planted by a switch: the weeks must detect every one."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.flow.simulation.bugs import Plant, misspelt
from waypost.alerts import sender
from waypost.domain import endpoint_health as rules
from waypost.domain import incidents
from waypost.domain.endpoint_health import Facts
from waypost.domain.incidents import Change, Closed, Incident, Trouble
from waypost.keeper import endpoint_health as keeper

SLOW = frozenset(
    {
        "an endpoint that never is to be disabled is",
        "four failures are not reported",
        "an endpoint is announced an hour before it is disabled",
        "a test that is answered with 410 is repeated",
        "an endpoint that answered 410 is tested",
        "an endpoint that a person disabled is tested",
        "a test that failed enables its endpoint",
        "what failed at first is not recovered",
        "what was missed is recovered unasked",
        "an alert that was sent is sent again",
        "the end of an incident is not reported",
    }
)
"""Bugs that take more than a handful of seeds to show."""


def other(module: Any, name: str, value: object) -> Plant:
    """Plant another value, such as that of a rule's constant."""
    return lambda patch: patch.setattr(module, name, value)


def judged_otherwise(change: Callable[[Facts], Facts]) -> Plant:
    """Plant a mistake in what an endpoint is judged by."""
    return lambda patch: patch.setattr(keeper, "judge", lambda facts, at: rules.judge(change(facts), at))


def a_day_too_much(facts: Facts) -> Facts:
    since = facts.failing_since
    return facts if since is None else msgspec.structs.replace(facts, failing_since=since - timedelta(days=1))


def always_warned(facts: Facts) -> Facts:
    return msgspec.structs.replace(facts, warned=True)


def incidents_stay_open(patch: pytest.MonkeyPatch) -> None:
    def forgetful(found: Iterable[Incident], troubles: Iterable[Trouble], ending: Any) -> Iterator[Change]:
        return (one for one in incidents.changes(found, troubles, ending) if not isinstance(one, Closed))

    patch.setattr(keeper, "changes", forgetful)


BUGS: dict[str, Plant] = {
    "an endpoint is disabled a day too early": judged_otherwise(a_day_too_much),
    "nine failures are enough": other(rules, "LEAST_ATTEMPTS", 9),
    "an endpoint is announced an hour before it is disabled": other(rules, "NOTICE", timedelta(hours=1)),
    "a hopeless endpoint stays enabled": misspelt("disable_endpoint", "and enabled", "and not enabled"),
    "an endpoint that never is to be disabled is": misspelt(
        "health_of_endpoints", "e.disable_after_days", "coalesce(e.disable_after_days, 7) as disable_after_days"
    ),
    "whoever enables an endpoint does not start afresh": misspelt(
        "update_enabled", "set failing_since = null", "set failing_since = failing_since"
    ),
    "four failures are not reported": other(rules, "TRIES_BEFORE_WARNING", 40),
    "the first failure is reported": judged_otherwise(always_warned),
    "a disabled endpoint is tested every half hour": other(rules, "PROBE_EVERY", timedelta(minutes=30)),
    "a disabled endpoint is tested once a day": other(rules, "PROBE_EVERY", timedelta(days=1)),
    "an endpoint that answered 410 is tested": misspelt(
        "disable_endpoint", "disabled_reason = $2", "disabled_reason = replace($2, 'gone', 'failing')"
    ),
    "a test that is answered with 410 is repeated": misspelt(
        "mark_gone", "disabled_reason = 'gone'", "enabled = false"
    ),
    "an endpoint that a person disabled is tested": misspelt(
        "update_enabled", "disabled_reason = $3,", "disabled_reason = replace($3, 'user', 'failing'),"
    ),
    "a test that failed enables its endpoint": misspelt("result_of_probe", "s.state,", "'delivered' as state,"),
    "a test that succeeded enables nothing": misspelt(
        "update_recovered", "disabled_reason = 'failing'", "disabled_reason = 'gone'"
    ),
    "what was missed is recovered unasked": misspelt(
        "health_of_endpoints", "e.recover_automatically", "true as recover_automatically"
    ),
    "what failed at first is not recovered": other(keeper, "WAITED_BEFORE", timedelta(days=-2)),
    "incidents stay open": incidents_stay_open,
    "the end of an incident is not reported": misspelt("insert_alerts", "a.state <> 'skipped'", "a.state = 'waiting'"),
    "an alert that was sent is sent again": misspelt(
        "waiting_alerts", "state = 'waiting'", "state in ('waiting', 'sent')"
    ),
    "quiet hours are not kept": other(sender, "_quiet", lambda *_channel: None),
}
