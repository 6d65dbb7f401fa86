"""The part of DHL's answer that is read, with DHL's own names; missing values are None.

Fields that are not named here may be anything. Scans, their places and the details are decoded one by one: one of
another type is lost alone, a bad place costs only the place, and bad details cost only the facts.
"""

import msgspec


class DhlAddress(msgspec.Struct, frozen=True, rename="camel"):
    """Where something is. DHL's locality may be a town, a facility, or a street and a town."""

    country_code: str | None = None
    postal_code: str | None = None
    address_locality: str | None = None


class DhlPlace(msgspec.Struct, frozen=True, rename="camel"):
    """A place, of which only the address is read."""

    address: DhlAddress | None = None


class Scan(msgspec.Struct, frozen=True, rename="camel"):
    """One event, or the status of the shipment, which looks the same. ``timestamp`` is local wall time."""

    timestamp: str | None = None
    location: msgspec.Raw = msgspec.Raw(b"null")
    status_code: str | None = None
    status: str | None = None
    description: str | None = None
    remark: str | None = None
    next_steps: str | None = None


class TimeFrame(msgspec.Struct, frozen=True, rename="camel"):
    """When the delivery is expected."""

    estimated_from: str | None = None
    estimated_through: str | None = None


class Shipment(msgspec.Struct, frozen=True, rename="camel"):
    """One shipment. DHL sometimes writes ids that consist of digits as numbers."""

    id: str | int | None = None
    service: str | None = None
    origin: msgspec.Raw = msgspec.Raw(b"null")
    destination: msgspec.Raw = msgspec.Raw(b"null")
    status: msgspec.Raw = msgspec.Raw(b"null")
    events: tuple[msgspec.Raw, ...] | None = None
    estimated_time_of_delivery: str | None = None
    estimated_delivery_time_frame: msgspec.Raw = msgspec.Raw(b"null")
    service_url: str | None = None
    details: msgspec.Raw = msgspec.Raw(b"{}")


class Shipments(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a number that DHL knows."""

    shipments: tuple[Shipment, ...]


class DhlProblem(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a number that DHL does not know; ``status`` repeats the HTTP status."""

    status: int
    title: str


class DhlWeight(msgspec.Struct, frozen=True, rename="camel"):
    """A weight; the unit may be missing."""

    value: float
    unit_text: str | None = None


class Product(msgspec.Struct, frozen=True, rename="camel"):
    """The product that the sender bought."""

    product_name: str | None = None


class Person(msgspec.Struct, frozen=True, rename="camel"):
    """Who signed."""

    given_name: str | None = None
    family_name: str | None = None
    name: str | None = None


class ProofOfDelivery(msgspec.Struct, frozen=True, rename="camel"):
    """The receipt; the picture of a signature is not fetched."""

    signed: Person | None = None


class Details(msgspec.Struct, frozen=True, rename="camel"):
    """Further details of a shipment."""

    product: Product | None = None
    weight: DhlWeight | None = None
    total_number_of_pieces: int | None = None
    proof_of_delivery: ProofOfDelivery | None = None
