"""Twenty parcels of DHL's companies and their journeys, as data: each step is one scan in DHL's form."""

from typing import Final

from examples.carriers.formats.dhl_places import (
    BERLIN,
    BONN,
    BREMEN,
    DRESDEN,
    HAMBURG,
    HONG_KONG,
    KOELN,
    LEIPZIG,
    LONDON,
    MADRID,
    MUENCHEN,
    MUMBAI,
    NEW_YORK,
    PARIS,
    SHENZHEN,
    STUTTGART,
    TOKYO,
    UTRECHT,
    WARSAW,
)
from examples.carriers.journeys import Place, Route, Step


def _announced(day: int, time: str, place: Place) -> Step:
    return Step(day, time, place, "pre-transit", "The sender has announced the shipment to DHL electronically")


def _posted(day: int, time: str, place: Place) -> Step:
    return Step(day, time, place, "transit", "The shipment has been posted by the sender at the retail outlet")


def _picked_up(day: int, time: str, place: Place) -> Step:
    return Step(day, time, place, "transit", "Shipment picked up")


def _sorted(day: int, time: str, place: Place) -> Step:
    return Step(day, time, place, "transit", "The shipment has been processed in the parcel center")


def _departed(day: int, time: str, place: Place) -> Step:
    return Step(day, time, place, "transit", f"Shipment has departed from a DHL facility {place.town}")


def _cleared(day: int, time: str, place: Place) -> Step:
    return Step(day, time, place, "transit", f"Customs clearance completed at {place.town}")


def _out(day: int, time: str, place: Place) -> Step:
    return Step(day, time, place, "transit", "The shipment has been loaded onto the delivery vehicle")


def _delivered(day: int, time: str, place: Place, how: str = "The shipment has been successfully delivered") -> Step:
    return Step(day, time, place, "delivered", how)


_PAKET: Final = ("dhl-germany", "parcel-de", "DHL PAKET (parcel)")
_EXPRESS: Final = ("dhl", "express", "EXPRESS WORLDWIDE")
_ECOMMERCE: Final = ("dhlglobalmail", "ecommerce", "DHL PARCEL INTERNATIONAL DIRECT")
_NETHERLANDS: Final = ("dhl-parcel-nl", "parcel-nl", "DHL FOR YOU")

_AT_HOME: Final = (
    Route(
        "00340434241592066115",
        *_PAKET,
        2.0,
        (
            _announced(0, "17:42", HAMBURG),
            _sorted(1, "02:15", LEIPZIG),
            _out(1, "08:31", BERLIN),
            _delivered(1, "11:07", BERLIN),
        ),
        "delivered001",
    ),
    Route(
        "00340434257976335555",
        *_PAKET,
        4.5,
        (
            _announced(0, "09:12", BONN),
            _sorted(0, "21:50", KOELN),
            _out(1, "08:02", STUTTGART),
            Step(1, "12:44", STUTTGART, "failure", "The recipient was not at home", "A new attempt follows"),
            _out(2, "07:55", STUTTGART),
            _delivered(2, "10:26", STUTTGART),
        ),
        "delivered001",
    ),
    Route(
        "00340434113444429105",
        *_PAKET,
        0.8,
        (
            _announced(0, "13:05", BREMEN),
            _sorted(1, "01:33", HAMBURG),
            _out(1, "08:47", HAMBURG),
            _delivered(1, "13:20", HAMBURG, "The shipment was handed over to a neighbour"),
        ),
        "delivered004",
    ),
    Route(
        "00340434597248622618",
        *_PAKET,
        6.2,
        (
            _sorted(0, "22:08", LEIPZIG),
            Step(1, "10:51", DRESDEN, "failure", "The shipment could not be delivered", "The address is incomplete"),
            _out(3, "08:20", DRESDEN),
            _delivered(3, "12:03", DRESDEN),
        ),
        "delivered001",
    ),
    Route(
        "00340434296531908360",
        *_PAKET,
        1.1,
        (
            Step(0, "16:30", KOELN, "pre-transit", "Die Sendung wurde elektronisch angekündigt."),
            Step(1, "03:02", LEIPZIG, "transit", "Die Sendung wurde im Ziel-Paketzentrum bearbeitet."),
            Step(1, "08:13", LEIPZIG, "transit", "Die Sendung wurde in das Zustellfahrzeug geladen."),
            Step(1, "14:40", LEIPZIG, "delivered", "Die Sendung wurde erfolgreich zugestellt."),
        ),
        "delivered001",
    ),
    Route(
        "00340434217850191158",
        *_PAKET,
        3.3,
        (
            _posted(0, "11:24", MUENCHEN),
            _sorted(0, "23:17", MUENCHEN),
            _out(1, "08:58", BONN),
            _delivered(1, "15:02", BONN, "The shipment has been deposited at the agreed drop-off location"),
        ),
        "delivered004",
    ),
)

_NOT_AT_HOME: Final = (
    Route(
        "00340434618761393035",
        *_PAKET,
        1.7,
        (
            _announced(0, "10:40", STUTTGART),
            _posted(0, "15:11", STUTTGART),
            _out(1, "07:49", MUENCHEN),
            Step(1, "12:30", MUENCHEN, "transit", "The shipment is ready for pick-up at the PACKSTATION"),
            _delivered(2, "18:22", MUENCHEN, "The recipient has picked up the shipment at the PACKSTATION"),
        ),
        "delivered002",
    ),
    Route(
        "00340434433930094427",
        *_PAKET,
        2.4,
        (
            _announced(0, "08:55", BERLIN),
            _out(1, "08:16", BREMEN),
            Step(1, "11:59", BREMEN, "failure", "The recipient refused the shipment"),
            Step(2, "09:30", BREMEN, "transit", "The shipment is being returned to the sender"),
            Step(4, "10:45", BERLIN, "delivered", "The shipment has been returned to the sender"),
        ),
        "exception010",
    ),
    Route(
        "00340434414003388025",
        *_PAKET,
        0.5,
        (
            _out(0, "08:40", KOELN),
            Step(0, "13:15", KOELN, "failure", "The recipient was not at home"),
            Step(1, "10:00", KOELN, "transit", "The shipment is ready for collection at the post office"),
            Step(8, "18:01", KOELN, "failure", "The shipment was not collected within the storage period"),
            Step(9, "09:12", KOELN, "transit", "The shipment is being returned to the sender"),
        ),
        "exception011",
    ),
    Route(
        "JVGL46711973081895",
        *_NETHERLANDS,
        1.9,
        (
            _announced(0, "12:00", UTRECHT),
            Step(0, "23:48", UTRECHT, "transit", "Sorted at the parcel hub"),
            _out(1, "09:05", UTRECHT),
            Step(1, "16:37", UTRECHT, "transit", "Stored", None, "The parcel can be collected at the ParcelShop"),
            _delivered(3, "11:54", UTRECHT, "Collected by the recipient"),
        ),
        "delivered002",
    ),
)

_ABROAD: Final = (
    Route(
        "1255390555",
        *_EXPRESS,
        1.25,
        (
            _picked_up(0, "11:15", HONG_KONG),
            _departed(0, "22:30", HONG_KONG),
            _cleared(1, "05:40", LEIPZIG),
            _out(1, "08:52", BERLIN),
            _delivered(1, "10:42", BERLIN, "Delivered - Signed for by: A BERG"),
        ),
        "delivered003",
        signed_by="A BERG",
    ),
    Route(
        "8157264216",
        *_EXPRESS,
        9.4,
        (
            _picked_up(0, "16:05", MUMBAI),
            Step(2, "04:20", LEIPZIG, "transit", "Shipment on hold", "Held by customs: the invoice is missing"),
            _cleared(5, "13:31", LEIPZIG),
            _delivered(6, "11:18", HAMBURG, "Delivered - Signed for by: B LINDQVIST"),
        ),
        "delivered003",
        signed_by="B LINDQVIST",
    ),
    Route(
        "6661823954",
        *_EXPRESS,
        0.6,
        (
            _picked_up(0, "15:44", NEW_YORK),
            Step(1, "06:12", PARIS, "transit", f"Processed at {PARIS.town}"),
            _delivered(1, "11:36", PARIS, "Delivered - Signed for by: C MARTIN"),
        ),
        "delivered003",
        signed_by="C MARTIN",
    ),
    Route(
        "2450955732",
        *_EXPRESS,
        12.0,
        (
            _picked_up(0, "09:58", WARSAW),
            Step(0, "23:30", LEIPZIG, "transit", f"Processed at {LEIPZIG.town}"),
            Step(1, "07:05", LEIPZIG, "failure", "The shipment was damaged and will be inspected"),
        ),
        "exception007",
    ),
    Route(
        "4351076881",
        *_EXPRESS,
        3.0,
        (
            _picked_up(0, "17:20", LONDON),
            _departed(0, "21:49", LONDON),
            Step(1, "05:00", PARIS, "transit", "The shipment is delayed by the weather"),
            Step(1, "19:26", MADRID, "transit", f"Arrived at DHL Sort Facility {MADRID.town}"),
        ),
        "transit002",
    ),
    Route(
        "2353291986",
        *_EXPRESS,
        2.2,
        (
            _picked_up(0, "13:13", TOKYO),
            Step(1, "08:01", WARSAW, "transit", "The shipment has arrived in the destination country"),
            _out(2, "08:33", WARSAW),
            _delivered(2, "12:12", WARSAW),
        ),
        "delivered001",
    ),
    Route(
        "GM641613333142862177",
        *_ECOMMERCE,
        0.3,
        (
            _announced(0, "18:00", SHENZHEN),
            Step(2, "23:10", SHENZHEN, "transit", "Departed from the airport"),
            _cleared(4, "06:45", LEIPZIG),
            _delivered(6, "13:09", DRESDEN),
        ),
        "delivered001",
    ),
)

_ODD: Final = (
    Route(
        "00340434221140567806",
        *_PAKET,
        1.4,
        (_announced(0, "14:14", DRESDEN), _sorted(1, "02:40", LEIPZIG), _delivered(1, "12:55", MUENCHEN)),
        "delivered001",
        unknown_at_first=True,
    ),
    Route(
        "8996587294",
        *_EXPRESS,
        0.9,
        (
            _picked_up(0, "10:10", PARIS),
            Step(1, "06:58", BERLIN, "transit", f"Arrived at DHL Delivery Facility {BERLIN.town}"),
            _delivered(1, "09:47", BERLIN, "Delivered - Signed for by: E NOVAKOVA"),
        ),
        "delivered003",
        unknown_at_first=True,
        signed_by="E NOVAKOVA",
    ),
    Route(
        "GM023461435942104065",
        *_ECOMMERCE,
        0.2,
        (
            _announced(0, "09:00", NEW_YORK),
            Step(1, "16:00", NEW_YORK, "pre-transit", "The shipment has been cancelled by the sender"),
        ),
        "exception008",
    ),
)

ROUTES: Final = (*_AT_HOME, *_NOT_AT_HOME, *_ABROAD, *_ODD)
