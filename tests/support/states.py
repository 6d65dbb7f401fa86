"""Tracking states for tests: ready-made ones, and hypothesis strategies for any state that updates can lead to."""

from datetime import UTC, datetime

import msgspec
from hypothesis import strategies as st

from waypost.domain.checkpoints import WALL_TIME, Checkpoint
from waypost.domain.facts import CARRIER_FACTS, LONGEST, SHOP_FACTS, Fact
from waypost.domain.statuses import SUBSTATUSES, Status, status_of
from waypost.domain.trackings import Source, TrackingState, Update, apply, register

ID = "9b0c1d2e3f405162738495a6b7c8d9e0"
REGISTERED_AT = 1_772_352_000_000  # 2026-03-01T08:00:00+00:00
TODAY = datetime.now(UTC).date().isoformat()
"""The day of a scan of a parcel that a test registers: an old scan would be another parcel's."""
UPDATED_AT = 1_772_443_810_000  # 2026-03-02T09:30:10+00:00


def registered_state() -> TrackingState:
    """Return a parcel of which only the number is known."""
    return register(ID, "TESTPARCEL0001", "usps", {}, REGISTERED_AT)


def travelling_state() -> TrackingState:
    """Return the parcel of TrackingMore's V4 example, with the two older scans that its milestones come from."""
    given = {
        "order_number": "ORD-77",
        "customer_name": "A. Buyer",
        "origin_country": "US",
        "destination_country": "DE",
    }
    told = {
        "origin_state": "NY",
        "origin_city": "ALBANY",
        "destination_city": "BERLIN",
        "weblink": "https://www.usps.com/",
    }
    scans = (
        _scan("2026-03-01T07:00:00", "Label created", "inforeceived001"),
        _scan("2026-03-01T18:00:00", "Accepted", "transit001"),
        _scan("2026-03-02T08:15:00", "Arrived at hub", "transit002"),
    )
    parcel = register(ID, "TESTPARCEL0001", "usps", given, REGISTERED_AT)
    return apply(parcel, Update(source=Source.POLL, checkpoints=scans, facts=told), UPDATED_AT).state


def _scan(wall_time: str, detail: str, substatus: str) -> Checkpoint:
    return Checkpoint(
        checkpoint_date=wall_time,
        tracking_detail=detail,
        location="ALBANY NY",
        country_iso2="US",
        state="NY",
        city="ALBANY",
        checkpoint_delivery_status=status_of(substatus),
        checkpoint_delivery_substatus=substatus,
    )


MOMENTS = st.integers(min_value=1_600_000_000_000, max_value=4_000_000_000_000)
"""Unix milliseconds of 2020 to 2096."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=LONGEST)
"""Any text that a database and JSON can hold: control characters, quotes, emoji, but no lone surrogates."""

WALL_TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(  # noqa: DTZ001 - wall time has no zone
    lambda moment: moment.strftime(WALL_TIME)
)


def checkpoints() -> st.SearchStrategy[Checkpoint]:
    """Draw a scan; its substatus, if there is one, fits its status."""
    short = st.none() | TEXTS
    statuses = st.sampled_from(sorted(SUBSTATUSES)).map(lambda finer: (status_of(finer), finer))
    return st.builds(
        lambda status, **rest: Checkpoint(
            checkpoint_delivery_status=status[0], checkpoint_delivery_substatus=status[1], **rest
        ),
        status=statuses | st.sampled_from(Status).map(lambda main: (main, None)) | st.just((None, None)),
        checkpoint_date=WALL_TIMES,
        tracking_detail=TEXTS,
        location=short,
        country_iso2=st.none() | st.sampled_from(["DE", "US"]),
        state=short,
        city=short,
        zip=short,
        raw_status=short,
        offset_minutes=st.none() | st.integers(-840, 840),
    )


def updates() -> st.SearchStrategy[Update]:
    """Draw what a source may report."""
    return st.builds(
        Update,
        source=st.sampled_from(Source),
        checkpoints=st.lists(checkpoints(), max_size=4).map(tuple),
        facts=st.dictionaries(st.sampled_from(CARRIER_FACTS), TEXTS, max_size=5),
        unknown_number=st.booleans(),
        expires=st.booleans(),
    )


@st.composite
def states(draw: st.DrawFn) -> TrackingState:
    """Draw a state that some updates lead to."""
    now = draw(MOMENTS)
    given = draw(st.dictionaries(st.sampled_from(SHOP_FACTS), TEXTS, max_size=5))
    state = register(draw(st.uuids()).hex, "TESTPARCEL0001", "usps", given, now)
    for update in draw(st.lists(updates(), max_size=3)):
        now += 60_000
        state = apply(state, update, now).state
    return msgspec.structs.replace(state, archived=draw(st.booleans()))


def with_facts(state: TrackingState, **texts: str) -> TrackingState:
    """Return a state with further facts."""
    return msgspec.structs.replace(state, facts=state.facts | {name: Fact(text) for name, text in texts.items()})
