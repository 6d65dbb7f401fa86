"""When a parcel is polled next: a pure schedule by status.

Each status has a first wait that doubles with every consecutive poll without news, up to a maximum; any news starts
over. The wait varies by up to 10 % with the parcel's id, so that parcels registered together drift apart.

pending, notfound          3 h, from the second day 6 h; given up after 30 days
inforeceived               6 h to 24 h
transit                    4 h to 12 h
pickup, out for delivery   30 min from 07:00 to 21:00 at the parcel's location, 2 h at night
pickup, to be collected    12 h
undelivered                2 h to 8 h
exception                  6 h to 24 h
delivered, returned        daily, for 7 days
expired                    never

A parcel that a service pushes is polled only if its pushes stop arriving, the longer the less a parcel of its status is
expected to move (``SILENCE``). Each poll without news doubles the wait, up to three days. One that brings news shows
that pushes were lost: until one arrives again, or a poll brings nothing, the parcel is polled by the schedule above.
"""

from hashlib import blake2b
from typing import Final

import msgspec

from waypost.domain.statuses import Status

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
_JITTER: Final = 0.1
_GIVEN_UP_AFTER: Final = 30 * _DAY
_WATCHED_AFTER_END: Final = 7 * _DAY
_DAYTIME_HOURS: Final = range(7, 21)
_RETURNED: Final = "exception010"
_TO_BE_COLLECTED: Final = "pickup002"
_MOST_DOUBLINGS: Final = 16

_LONGEST_SILENCE: Final = 3 * _DAY
SILENCE: Final = {
    Status.PENDING: 12 * _HOUR,
    Status.NOTFOUND: 12 * _HOUR,
    Status.INFORECEIVED: 2 * _DAY,
    Status.TRANSIT: _DAY,
    Status.PICKUP: 6 * _HOUR,
    Status.UNDELIVERED: 12 * _HOUR,
    Status.EXCEPTION: 2 * _DAY,
}
"""How long no push of a parcel has arrived before it is polled, in seconds; of other statuses none is missed."""
SILENCE_TO_BE_COLLECTED: Final = 2 * _DAY
SHORTEST_SILENCE: Final = min(SILENCE.values())

_FIRST_AND_LONGEST: Final = {
    Status.INFORECEIVED: (6 * _HOUR, 24 * _HOUR),
    Status.TRANSIT: (4 * _HOUR, 12 * _HOUR),
    Status.UNDELIVERED: (2 * _HOUR, 8 * _HOUR),
    Status.EXCEPTION: (6 * _HOUR, 24 * _HOUR),
}


class Watched(msgspec.Struct, frozen=True):
    """What the polling schedule of a parcel depends on.

    ``unchanged_polls`` counts consecutive polls without news; ``status_since`` is in Unix milliseconds;
    ``offset_minutes`` is the offset from UTC at the parcel's location, None if no scan gave one; ``seed`` is the
    tracking's id.
    """

    status: Status
    substatus: str
    unchanged_polls: int
    status_since: int
    offset_minutes: int | None
    seed: bytes


def next_poll(watched: Watched, now: int, *, least_seconds: float = 0.0) -> float | None:
    """Return the seconds until the next poll of the parcel, or None if it is not polled any more.

    ``now`` is in Unix milliseconds. ``least_seconds`` is the time that the carrier demands between two polls of one
    parcel (``Budget.least_seconds_between_polls``): no wait is shorter, whatever the status.
    """
    wait = _wait(watched, now)
    if wait is None:
        return None
    return max(wait, least_seconds / (1 - _JITTER)) * (1 + _JITTER * _lean(watched.seed))


def next_when_silent(watched: Watched) -> float | None:
    """Return for how many seconds a parcel is left to the pushes of its service; None if it is not polled any more.

    They count from the last push, or from the last poll if that was later and brought no news.
    """
    if watched.substatus == _RETURNED or watched.status not in SILENCE:
        return None
    to_be_collected = watched.substatus == _TO_BE_COLLECTED
    first = SILENCE_TO_BE_COLLECTED if to_be_collected else SILENCE[watched.status]
    wait = min(_LONGEST_SILENCE, first * 2.0 ** min(watched.unchanged_polls, _MOST_DOUBLINGS))
    return wait * (1 + _JITTER * _lean(watched.seed))


def _wait(watched: Watched, now: int) -> float | None:
    age = max(0.0, (now - watched.status_since) / 1000)
    if watched.substatus == _RETURNED:
        return _after_the_end(age)
    match watched.status:
        case Status.EXPIRED:
            return None
        case Status.PENDING | Status.NOTFOUND:
            return _before_the_first_scan(age)
        case Status.DELIVERED:
            return _after_the_end(age)
        case Status.PICKUP:
            return _near_the_end(watched, now)
        case Status.INFORECEIVED | Status.TRANSIT | Status.UNDELIVERED | Status.EXCEPTION:
            first, longest = _FIRST_AND_LONGEST[watched.status]
            return min(longest, first * 2.0 ** min(watched.unchanged_polls, _MOST_DOUBLINGS))


def _before_the_first_scan(age: float) -> float | None:
    if age >= _GIVEN_UP_AFTER:
        return None
    return 3 * _HOUR if age < _DAY else 6 * _HOUR


def _near_the_end(watched: Watched, now: int) -> float:
    if watched.substatus == _TO_BE_COLLECTED:
        return 12 * _HOUR
    return 30 * _MINUTE if _is_daytime(watched.offset_minutes, now) else 2 * _HOUR


def _after_the_end(age: float) -> float | None:
    """Poll once a day for a return or a correction, as long as the next poll falls within the week."""
    return _DAY if age < _WATCHED_AFTER_END - _DAY / 2 else None


def _is_daytime(offset_minutes: int | None, now: int) -> bool:
    """Return whether it is day at the parcel. Without an offset it counts as day: too seldom by day does more harm."""
    if offset_minutes is None:
        return True
    return int((now / 1000 + offset_minutes * _MINUTE) % _DAY // _HOUR) in _DAYTIME_HOURS


def _lean(seed: bytes) -> float:
    """Return a number from -1 to 1 that is always the same for a seed."""
    return int.from_bytes(blake2b(seed, digest_size=4).digest()) / 0xFFFF_FFFF * 2 - 1
