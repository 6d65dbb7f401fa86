"""The part of FedEx' answer that is read, with FedEx' own names; missing values are None."""

import msgspec


class FedexAddress(msgspec.Struct, frozen=True, rename="camel"):
    """Where something is, without the street."""

    city: str | None = None
    state_or_province_code: str | None = None
    postal_code: str | None = None
    country_code: str | None = None


class Party(msgspec.Struct, frozen=True):
    """Shipper or recipient, of which only the location is read."""

    address: FedexAddress | None = None


class FedexEvent(msgspec.Struct, frozen=True, rename="camel"):
    """One scan; ``date`` is local, usually with an offset."""

    date: str | None = None
    event_type: str | None = None
    event_description: str | None = None
    exception_code: str | None = None
    exception_description: str | None = None
    scan_location: FedexAddress | None = None


class Latest(msgspec.Struct, frozen=True):
    """The current status."""

    code: str | None = None


class Dated(msgspec.Struct, frozen=True, rename="camel"):
    """A day of some kind, such as ``ESTIMATED_DELIVERY``."""

    type: str | None = None
    date_time: str | None = None


class Window(msgspec.Struct, frozen=True):
    """A window of time."""

    begins: str | None = None
    ends: str | None = None


class Estimate(msgspec.Struct, frozen=True):
    """When the parcel is expected."""

    window: Window | None = None


class FedexDelivery(msgspec.Struct, frozen=True, rename="camel"):
    """Who received it, or who signed."""

    received_by_name: str | None = None
    signed_by_name: str | None = None


class FedexWeight(msgspec.Struct, frozen=True):
    """One weight in one unit; FedEx gives it in two."""

    value: str | float | None = None
    unit: str | None = None


class FedexMeasures(msgspec.Struct, frozen=True):
    """The weight of the package."""

    weight: tuple[msgspec.Raw, ...] = ()


class Package(msgspec.Struct, frozen=True, rename="camel"):
    """The package."""

    count: str | int | None = None
    weight_and_dimensions: FedexMeasures | None = None


class Service(msgspec.Struct, frozen=True):
    """The service that the shipper bought."""

    description: str | None = None


class Identifier(msgspec.Struct, frozen=True):
    """Another number of the package, or a reference of its shipper."""

    type: str | None = None
    values: tuple[msgspec.Raw, ...] = ()
    value: str | None = None


class Additional(msgspec.Struct, frozen=True, rename="camel"):
    """The other identifiers of the package."""

    package_identifiers: tuple[msgspec.Raw, ...] = ()


class Error(msgspec.Struct, frozen=True):
    """Why there is no answer."""

    code: str | None = None


class FedexResult(msgspec.Struct, frozen=True, rename="camel"):
    """One shipment behind a number: details or an error."""

    error: Error | None = None
    scan_events: tuple[msgspec.Raw, ...] | None = None
    latest_status_detail: Latest | None = None
    date_and_times: tuple[msgspec.Raw, ...] = ()
    estimated_delivery_time_window: Estimate | None = None
    delivery_details: FedexDelivery | None = None
    package_details: Package | None = None
    service_detail: Service | None = None
    additional_tracking_info: Additional | None = None
    shipper_information: Party | None = None
    recipient_information: Party | None = None


class Numbered(msgspec.Struct, frozen=True, rename="camel"):
    """The shipments of one number; FedEx reuses numbers, so there may be several."""

    tracking_number: str | None = None
    track_results: tuple[FedexResult, ...] = ()


class Output(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a request, one part for each number."""

    complete_track_results: tuple[msgspec.Raw, ...] = ()


class FedexAnswer(msgspec.Struct, frozen=True):
    """The whole answer; ``errors`` reject the request as a whole."""

    output: Output | None = None
    errors: tuple[Error, ...] = ()
