"""Which carriers can be connected, and what each needs for it, as the pages offer them."""

from collections.abc import Sequence

from waypost.actions.refusals import present
from waypost.sources import carriers
from waypost.sources.carriers.carrier import Carrier
from waypost.sources.couriers.detection import Certainty, detect
from waypost.sources.couriers.table import couriers


def find(source: str) -> Carrier:
    """Return the carrier of that name. Raises NotFound."""
    return present(carriers.find(source))


def known(source: str) -> Carrier | None:
    """Return the carrier of that name; None for one that this version does not know."""
    return carriers.find(source)


def search(text: str) -> list[Carrier]:
    """Return the carriers whose name, or one of whose couriers' names or codes, holds a text, by title."""
    wanted = text.strip().casefold()
    found = [one for one in carriers.carriers() if any(wanted in word.casefold() for word in _words(one))]
    return sorted(found, key=lambda one: one.title.casefold())


def that_answer_for(courier_code: str, tracking_number: str) -> list[Carrier]:
    """Return the carriers that could be asked for a parcel, by its courier first, then by its number's own form."""
    codes = [courier_code, *_detected(tracking_number)]
    found = [one for code in codes for one in carriers.carriers() if code in one.courier_codes]
    return list({one.name: one for one in found}.values())


def _detected(number: str) -> Sequence[str]:
    return [guess.courier for guess in detect(number) if guess.certainty >= Certainty.LIKELY]


def _words(carrier: Carrier) -> list[str]:
    known = couriers()
    names = [known[code].name for code in carrier.courier_codes if code in known]
    return [carrier.title, carrier.name, *carrier.courier_codes, *names]
