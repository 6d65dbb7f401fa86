"""A plausible state for each status that an endpoint may choose, for endpoint tests and the pages.

The samples are made by the domain's own rules from one journey that ends at the requested status, and never vary.
"""

from typing import Final

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.statuses import SELECTABLE, Status, status_of
from waypost.domain.trackings import Source, TrackingState, Update, apply, register

_ID: Final = "019ca825fc007000800000000000cafe"
_REGISTERED_AT: Final = 1_772_352_000_000  # 2026-03-01T08:00:00+00:00
_HOUR_MS: Final = 3_600_000
_EXPIRED_AFTER_MS: Final = 31 * 24 * _HOUR_MS
_OFFSET_MINUTES: Final = -300

_GIVEN: Final = {
    "order_number": "ORD-1042",
    "title": "Stoneware mug, blue",
    "customer_name": "Jos\u00e9 Example",
    "origin_country": "US",
    "destination_country": "US",
}
_TOLD: Final = {
    "weblink": "https://www.usps.com/",
    "origin_city": "ALBANY",
    "origin_state": "NY",
    "destination_city": "AUSTIN",
    "destination_state": "TX",
    "weight_kg": "0.45",
    "pieces": "1",
}

_Scan = tuple[str, str, str, str]
_LABEL: Final[_Scan] = ("inforeceived001", "2026-03-01T03:30:00", "Shipping label created", "ALBANY,NY,12201")
_COLLECTED: Final[_Scan] = ("transit001", "2026-03-01T14:10:00", "Picked up by the carrier", "ALBANY,NY,12201")
_HUB: Final[_Scan] = ("transit002", "2026-03-03T06:42:00", "Arrived at the sorting centre", "AUSTIN,TX,78710")
_OUT: Final[_Scan] = ("pickup001", "2026-03-04T06:50:00", "Out for delivery", "AUSTIN,TX,78701")
_MISSED: Final[_Scan] = ("undelivered002", "2026-03-04T13:20:00", "Nobody was at home", "AUSTIN,TX,78701")
_HANDED_OVER: Final[_Scan] = ("delivered003", "2026-03-04T13:20:00", "Delivered and signed for", "AUSTIN,TX,78701")
_REFUSED: Final[_Scan] = ("exception009", "2026-03-04T13:20:00", "Refused by the addressee", "AUSTIN,TX,78701")

_JOURNEYS: Final[dict[Status, tuple[_Scan, ...]]] = {
    Status.NOTFOUND: (),
    Status.INFORECEIVED: (_LABEL,),
    Status.TRANSIT: (_LABEL, _COLLECTED, _HUB),
    Status.PICKUP: (_LABEL, _COLLECTED, _HUB, _OUT),
    Status.UNDELIVERED: (_LABEL, _COLLECTED, _HUB, _OUT, _MISSED),
    Status.DELIVERED: (_LABEL, _COLLECTED, _HUB, _OUT, _HANDED_OVER),
    Status.EXCEPTION: (_LABEL, _COLLECTED, _HUB, _OUT, _REFUSED),
    Status.EXPIRED: (_LABEL, _COLLECTED, _HUB),
}


def sample_state(status: Status) -> TrackingState:
    """Return the state of a parcel with this status. Raise ValueError for a status that no endpoint may choose."""
    if status not in SELECTABLE:
        raise ValueError(f"there is no sample of {status.value!r}")
    state = register(_ID, "9400100000000000000000", "usps", _GIVEN, _REGISTERED_AT)
    now = _REGISTERED_AT + 4 * _HOUR_MS
    for update in _answers(_JOURNEYS[status]):
        state = apply(state, update, now).state
        now += 24 * _HOUR_MS
    if status is Status.EXPIRED:
        state = apply(state, Update(source=Source.EXPIRY, expires=True), now + _EXPIRED_AFTER_MS).state
    return state


def _answers(journey: tuple[_Scan, ...]) -> list[Update]:
    """Return the carrier's answers, one for each scan; without any scan the carrier does not know the number."""
    if not journey:
        return [Update(source=Source.POLL, unknown_number=True)]
    return [Update(source=Source.POLL, checkpoints=(_checkpoint(scan),), facts=_facts(scan)) for scan in journey]


def _facts(scan: _Scan) -> dict[str, str]:
    return {**_TOLD, "signed_by": "J. EXAMPLE"} if scan is _HANDED_OVER else _TOLD


def _checkpoint(scan: _Scan) -> Checkpoint:
    substatus, wall_time, detail, place = scan
    city, region, postcode = place.split(",")
    return Checkpoint(
        checkpoint_date=wall_time,
        tracking_detail=detail,
        location=f"{city} {region}",
        country_iso2="US",
        state=region,
        city=city,
        zip=postcode,
        checkpoint_delivery_status=status_of(substatus),
        checkpoint_delivery_substatus=substatus,
        offset_minutes=_OFFSET_MINUTES,
    )
