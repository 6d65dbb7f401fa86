"""The headings of a shop's own export are recognised, mapped, and named in errors."""

import io

import pytest

from waypost.actions.parcel_csv.headings import guess, labels_of
from waypost.actions.parcel_csv.rows import MOST_COLUMNS, Mistake, Row, UnreadableError, read_preview, read_rows
from waypost.actions.parcel_fields import NewTracking

EXPORTS = {
    "Order,Tracking No.,Carrier,Ship Date": {
        "tracking_number": "Tracking No.",
        "courier_code": "Carrier",
        "order_number": "Order",
    },
    "Name,Email,Shipping Name,Shipping Zip,Shipping Country,Lineitem name,Tracking Number,Tracking Company": {
        "tracking_number": "Tracking Number",
        "courier_code": "Tracking Company",
        "order_number": "Name",
        "title": "Lineitem name",
        "customer_name": "Shipping Name",
        "customer_email": "Email",
        "recipient_postcode": "Shipping Zip",
        "destination_country_iso2": "Shipping Country",
    },
    "Bestellnummer;Sendungsnummer;Versanddienstleister;Empfänger;PLZ": {
        "tracking_number": "Sendungsnummer",
        "courier_code": "Versanddienstleister",
        "order_number": "Bestellnummer",
        "customer_name": "Empfänger",
        "recipient_postcode": "PLZ",
    },
    "订单号\t快递公司\t快递单号": {
        "tracking_number": "快递单号",
        "courier_code": "快递公司",
        "order_number": "订单号",
    },
    "order_number,Order,tracking_number": {"tracking_number": "tracking_number", "order_number": "order_number"},
    "Colour,Size": {},
}


def read(file: bytes, **mapping: str) -> list[Row | Mistake]:
    return list(read_rows(io.BytesIO(file), mapping))


@pytest.mark.parametrize(("header", "expected"), EXPORTS.items())
def test_the_columns_of_common_exports_are_guessed(header: str, expected: dict[str, str]) -> None:
    preview = read_preview(io.BytesIO(f"\ufeff{header}\n".encode()), rows=3)

    assert guess(preview.labels) == expected
    assert not preview.is_named or "tracking_number" in header


def test_empty_and_repeated_headings_are_told_apart() -> None:
    assert labels_of(["Name", "", "name", "Name", "Column 2"]) == (
        *("Name", "Column 2", "name", "Name (2)", "Column 2 (2)"),
    )


def test_a_preview_has_the_first_rows_shortened() -> None:
    file = b'Order;Tracking No.;\r\n1;="0034";\r\n2;' + b"x" * 200 + b"\r\n\r\n3\r\n4;A4\r\n"

    preview = read_preview(io.BytesIO(file), rows=3)

    assert preview.labels == ("Order", "Tracking No.")
    assert preview.rows == [["1", "0034"], ["2", "x" * 60], ["3"]]
    assert not preview.is_named


def test_a_mapping_says_which_columns_are_read() -> None:
    file = b"Order;Tracking No.;Carrier;Colour\n1001;A1;DHL Express;red\n1002;1Z999AA10123456784;;\n"

    found = read(file, tracking_number="Tracking No.", courier_code="Carrier", order_number="Order")

    assert found == [
        Row(2, NewTracking("A1", "dhl", {"order_number": "1001"})),
        Row(3, NewTracking("1Z999AA10123456784", "ups", {"order_number": "1002"}, auto_correct=True)),
    ]


def test_one_column_can_be_read_as_two_fields() -> None:
    (row,) = read(b"Nr,Ref\n1Z999AA10123456784,7\n", tracking_number="Nr", order_number="Ref", title="Ref")

    assert isinstance(row, Row)
    assert row.parcel.given == {"order_number": "7", "title": "7"}


def test_errors_name_the_headings_of_the_file() -> None:
    file = b"Sendungsnr.;Zusteller;Ort\n?;dhl;\nA2;Schneckenpost;\nA3;dhl;\nA4;dhl;x;y\n"

    found = read(file, tracking_number="Sendungsnr.", courier_code="Zusteller", title="Ort")

    mistakes = [(row.line, row.field) for row in found if isinstance(row, Mistake)]
    assert mistakes == [(2, "Sendungsnr."), (3, "Zusteller"), (5, "")]


def test_an_undecodable_byte_matters_only_in_a_column_that_is_read() -> None:
    file = b"Nr;Name;Note\nA1;x;\xff\nA2;\xff;\n"

    first, second = read(file, tracking_number="Nr", title="Name", courier_code="Nr")

    assert isinstance(first, Mistake)  # A1 is not a courier
    assert first.field == "Nr"
    assert isinstance(second, Mistake)
    assert second.field == "Name"


def test_a_heading_cannot_control_a_terminal() -> None:
    (found,) = read_rows(io.BytesIO(b"tracking_number,a\x1b[2Jb\nA1,x\n"))

    assert found == Mistake(1, "a\\x1b[2Jb", "is an unknown field")


@pytest.mark.parametrize("mapping", [{"tracking_number": "Other"}, {"title": "Order"}])
def test_a_mapping_that_does_not_fit_is_one_error(mapping: dict[str, str]) -> None:
    (found,) = read(b"Order\nA1\n", **mapping)

    assert isinstance(found, Mistake)
    assert (found.line, found.field) == (1, "tracking_number")


@pytest.mark.parametrize(
    "file",
    [b"", b"\n\n", b"\x00\x00", "Größe\n".encode("cp1252"), b"a," * (MOST_COLUMNS + 1) + b"b\n"],
)
def test_headings_that_cannot_be_shown_are_an_error(file: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_preview(io.BytesIO(file), rows=3)
