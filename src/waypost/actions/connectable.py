"""Which carriers, aggregators and shop platforms can be connected, and what each needs, as the pages offer them."""

from collections.abc import Container, Mapping, Sequence
from typing import Final

from waypost.actions.refusals import Fault, Invalid, NotFound, present
from waypost.domain.connections import ConnectionKind
from waypost.sources import polled, senders
from waypost.sources.carriers.carrier import Carrier
from waypost.sources.couriers.detection import Certainty, detect
from waypost.sources.couriers.table import couriers
from waypost.sources.sender import PushSender

Connectable = Carrier | PushSender
MOST_CALLS: Final = 1_000_000_000
_SETTINGS: Final = frozenset({"daily_calls", "calls_per_second"})


def every() -> tuple[Connectable, ...]:
    """Return all carriers and services that an account can connect."""
    found: list[Connectable] = []
    found.extend(polled.every(with_bridge=True))
    found.extend(senders.senders())
    return tuple(found)


def find(source: str) -> Connectable:
    """Return what can be connected under that name. Raise NotFound."""
    found = known(source)
    if found is None:
        raise NotFound
    return found


def known(source: str) -> Connectable | None:
    """Return what can be connected under that name; None for one that this version does not know."""
    carrier = polled.find(source)
    return senders.find(source) if carrier is None else carrier


def find_sender(source: str) -> PushSender:
    """Return the service that pushes under that name. Raise NotFound."""
    return present(senders.find(source))


def find_carrier(source: str) -> Carrier:
    """Return the carrier of that name. Raise NotFound."""
    return present(polled.find(source))


def kind_of(source: Connectable) -> ConnectionKind:
    """Return whether a source is polled or pushes."""
    return source.kind if isinstance(source, PushSender) else ConnectionKind.CARRIER


def search(text: str, offered: Container[str]) -> list[Carrier]:
    """Return the ``offered`` carriers whose name, or one of whose couriers' names or codes, holds a text, by title."""
    wanted = text.strip().casefold()
    found = [one for one in _offered(offered) if any(wanted in word.casefold() for word in _words(one))]
    return sorted(found, key=lambda one: one.title.casefold())


def search_senders(text: str) -> list[PushSender]:
    """Return the services that push whose name holds a text, by title."""
    wanted = text.strip().casefold()
    found = [one for one in senders.senders() if wanted in one.title.casefold() or wanted in one.name]
    return sorted(found, key=lambda one: one.title.casefold())


def check_settings(source: Connectable, given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a connection: those of a service, or what a carrier granted. Raise Invalid."""
    if isinstance(source, PushSender):
        return source.check_settings(given)
    unknown = sorted(set(given) - _SETTINGS)
    faults = [Fault(f"settings.{name}", "is not a setting of a connection") for name in unknown]
    daily, pace = given.get("daily_calls"), given.get("calls_per_second")
    if daily is not None and not (daily.isascii() and daily.isdigit() and 1 <= int(daily[:12]) <= MOST_CALLS):
        faults.append(Fault("settings.daily_calls", f"must be a whole number from 1 to {MOST_CALLS:,}"))
    if pace is not None and not _is_pace(pace):
        faults.append(Fault("settings.calls_per_second", "must be a number from 0.001 to 10,000"))
    if faults:
        raise Invalid(faults)
    return dict(given)


def _is_pace(text: str) -> bool:
    try:
        return len(text) <= 12 and 0.001 <= float(text) <= 10_000  # noqa: PLR2004 - the bounds of a pace
    except ValueError:
        return False


def that_answer_for(courier_code: str, tracking_number: str, offered: Container[str]) -> list[Carrier]:
    """Return the ``offered`` carriers that could be asked for a parcel, by its courier first, then by its number."""
    codes = [courier_code, *_detected(tracking_number)]
    found = [one for code in codes for one in _offered(offered) if code in one.courier_codes]
    return list({one.name: one for one in found}.values())


def _offered(names: Container[str]) -> list[Carrier]:
    return [one for one in polled.every(with_bridge=True) if one.name in names]


def _detected(number: str) -> Sequence[str]:
    return [guess.courier for guess in detect(number) if guess.certainty >= Certainty.LIKELY]


def _words(carrier: Carrier) -> list[str]:
    known = couriers()
    names = [known[code].name for code in carrier.courier_codes if code in known]
    return [carrier.title, carrier.name, *carrier.courier_codes, *names]
