"""Judges whether every event arrived, verified and in order: Waypost's deliveries against what the shop received."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import msgspec

_NAMED: Final = 10


class Parcel(msgspec.Struct, frozen=True):
    """A parcel of the carriers' plan."""

    tracking_number: str
    courier_code: str
    carrier: str


class Plan(msgspec.Struct, frozen=True):
    """What the carriers will report; ``expected_events`` counts every step of every parcel."""

    parcels: tuple[Parcel, ...]
    expected_events: int


class Delivery(msgspec.Struct, frozen=True):
    """A delivery as Waypost's API lists it."""

    id: str
    event_id: str
    tracking_number: str
    sequence: int
    status: str
    state: str


class Arrival(msgspec.Struct, frozen=True):
    """A webhook as the shop's ledger lists it; nothing is known of a rejected one."""

    id: str
    verdict: str
    verified: bool
    tracking_number: str | None
    sequence: int | None


class Verdict(msgspec.Struct, frozen=True):
    """The counts, and a sentence for each fault."""

    summary: str
    missing: tuple[str, ...]


def judge(plan: Plan, deliveries: Sequence[Delivery], arrivals: Sequence[Arrival]) -> Verdict:
    """Compare the carriers' plan, Waypost's deliveries to the shop, and the shop's ledger in order of arrival."""
    verified = {arrival.id for arrival in arrivals if arrival.verified}
    unsent = [one for one in deliveries if one.state != "delivered"]
    unseen = [one for one in deliveries if one.event_id not in verified]
    disordered = _disordered(plan, deliveries, arrivals)
    events, parcels = len(deliveries), len(plan.parcels)
    summary = (
        f"delivered {events - len(unsent)}/{events}, verified {events - len(unseen)}/{events}, "
        f"in order {parcels - len(disordered)}/{parcels} parcels"
    )
    missing = [f"The carriers' plan has {plan.expected_events} events, Waypost made {events}."]
    refused = sum(not arrival.verified for arrival in arrivals)
    return Verdict(
        summary,
        (
            *(missing if events != plan.expected_events else ()),
            *_named("Not delivered", (f"{_name(one)} ({one.state})" for one in unsent)),
            *_named("Not verified by the shop", map(_name, unseen)),
            *_named("Not in order, or not up to the end", disordered),
            *([f"The shop refused {refused} of {len(arrivals)} webhooks."] if refused else ()),
        ),
    )


def _disordered(plan: Plan, deliveries: Iterable[Delivery], arrivals: Iterable[Arrival]) -> list[str]:
    sent: dict[str, list[int]] = defaultdict(list)
    for one in deliveries:
        sent[one.tracking_number].append(one.sequence)
    got: dict[str, list[int]] = defaultdict(list)
    for arrival in arrivals:
        if arrival.verdict == "kept" and arrival.tracking_number is not None and arrival.sequence is not None:
            got[arrival.tracking_number].append(arrival.sequence)
    numbers = [parcel.tracking_number for parcel in plan.parcels]
    return [number for number in numbers if not _ends_well(got[number], max(sent[number], default=0))]


def _ends_well(arrived: Sequence[int], last: int) -> bool:
    return bool(arrived) and arrived[-1] == last and all(before < after for before, after in pairwise(arrived))


def _name(delivery: Delivery) -> str:
    return f"{delivery.tracking_number} #{delivery.sequence} {delivery.status}"


def _named(what: str, names: Iterable[str]) -> list[str]:
    every = list(names)
    more = f", and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return [f"{what}: {', '.join(every[:_NAMED])}{more}."] if every else []
