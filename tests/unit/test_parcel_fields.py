"""A parcel's fields as texts: errors name their field, and API v4 has a message for each kind."""

import pytest

from waypost.actions.parcel_fields import NewTracking, ParcelFault, ParcelFaultKind, read_parcel
from waypost.actions.refusals import Conflict, Invalid, NotFound
from waypost.api.v4.refusals import CONFLICTS, coded

GOOD = {"tracking_number": "1Z12345E0205271688", "courier_code": "ups"}


def fault_of(texts: dict[str, str]) -> ParcelFault:
    with pytest.raises(Invalid) as caught:
        read_parcel(texts)
    (fault,) = caught.value.faults
    assert isinstance(fault, ParcelFault)
    return fault


@pytest.mark.parametrize(
    ("texts", "field", "kind", "code"),
    [
        ({"tracking_number": " "}, "tracking_number", ParcelFaultKind.NUMBER_MISSING, 4111),
        ({"tracking_number": "#1"}, "tracking_number", ParcelFaultKind.NUMBER_INVALID, 4110),
        ({"courier_code": ""}, "courier_code", ParcelFaultKind.COURIER_INVALID, 4120),
        ({"courier_code": "tracking_number"}, "courier_code", ParcelFaultKind.COURIER_UNKNOWN, 4120),
        (
            {"tracking_number": "A1", "courier_code": "", "auto_correct": "1"},
            "courier_code",
            ParcelFaultKind.COURIER_UNDETECTED,
            4121,
        ),
        ({"courier_code": "postnl-3s"}, "tracking_postal_code", ParcelFaultKind.FACT_MISSING, 4122),
        ({"auto_correct": "perhaps"}, "auto_correct", ParcelFaultKind.VALUE_INVALID, 4130),
        ({"origin_country_iso2": "Germany"}, "origin_country_iso2", ParcelFaultKind.VALUE_INVALID, 4130),
        ({"title": "x" * 501}, "title", ParcelFaultKind.VALUE_INVALID, 4130),
        ({"note": "a\0b"}, "note", ParcelFaultKind.VALUE_INVALID, 4130),
    ],
)
def test_a_fault_has_a_field_and_a_kind_with_a_v4_code(
    texts: dict[str, str], field: str, kind: ParcelFaultKind, code: int
) -> None:
    fault = fault_of(GOOD | texts)

    error = coded(Invalid([fault]))

    assert (fault.field, fault.kind) == (field, kind)
    assert error is not None
    assert error.code == code
    assert "{" not in error.message


def test_every_kind_of_fault_and_conflict_has_trackingmores_message() -> None:
    kinds = [coded(Invalid([ParcelFault("title", "is wrong", kind)])) for kind in ParcelFaultKind]
    conflicts = [coded(Conflict(code, "It can't be.")) for code in CONFLICTS]

    assert None not in [*kinds, *conflicts, coded(NotFound())]
    assert coded(Conflict("unheard_of", "It can't be.")) is None


def test_empty_texts_count_as_missing() -> None:
    parcel = read_parcel(GOOD | {"title": "", "auto_correct": "", "destination_country_iso2": "de"})

    assert parcel == NewTracking("1Z12345E0205271688", "ups", {"destination_country": "DE"})
