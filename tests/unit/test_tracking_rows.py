"""CSV rows from any spreadsheet become parcels, or errors that name the line and the field."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.actions.parcel_csv.cells import guard, unguard
from waypost.actions.parcel_csv.rows import LONGEST_LINE, Mistake, Row, read_rows
from waypost.actions.parcel_fields import NewTracking

HEAD = b"tracking_number,courier_code\n"


def read(file: bytes) -> list[Row | Mistake]:
    return list(read_rows(io.BytesIO(file)))


def parcels(file: bytes) -> list[NewTracking]:
    rows = read(file)
    assert [row for row in rows if isinstance(row, Mistake)] == []
    return [row.parcel for row in rows if isinstance(row, Row)]


def mistakes(file: bytes) -> list[tuple[int, str]]:
    return [(row.line, row.field) for row in read(file) if isinstance(row, Mistake)]


@pytest.mark.parametrize(
    "file",
    [
        b"tracking_number,courier_code,title\nA1,dhl,Mug\n",
        b"\xef\xbb\xbftracking_number,courier_code,title\r\nA1,dhl,Mug\r\n",
        b"tracking_number;courier_code;title\r\nA1;dhl;Mug",
        b"tracking_number\tcourier_code\ttitle\nA1\tdhl\tMug\n",
        b"tracking_number,courier_code,title\rA1,dhl,Mug\r",
        b"Title,Tracking Number,COURIER-CODE\nMug,a 1, dhl \n",
        b'"tracking_number","courier_code","title"\n"A1","dhl","Mug"\n',
        b"tracking_number,courier_code,title,,\n\n,,,,\nA1,dhl,Mug,,\n",
        b"sep=;\r\ntracking_number;courier_code;title\r\nA1;dhl;Mug\r\n",
        b'\xef\xbb\xbf"sep=|"\ntracking_number|courier_code|title\nA1|dhl|Mug\n',
        b"SEP=,\rtracking_number,courier_code,title\rA1,dhl,Mug\r",
        b'tracking_number,courier_code,title\n="A1","=""dhl""", ="Mug" \n',
        b"id,tracking_number,courier_code,delivery_status,title\nabc,A1,dhl,delivered,Mug\n",
    ],
)
def test_files_are_read_in_every_common_encoding_and_dialect(file: bytes) -> None:
    assert parcels(file) == [NewTracking("A1", "dhl", {"title": "Mug"})]


def test_separators_and_line_breaks_inside_quotes_are_part_of_the_text() -> None:
    (parcel,) = parcels(b'tracking_number;courier_code;note\nA1;dhl;"one; two\r\n""three"""\n')

    assert parcel.given == {"note": 'one; two\r\n"three"'}


def test_letters_of_every_script_are_kept() -> None:
    (parcel,) = parcels(HEAD[:-1] + ",title\nA1,dhl,J\u00f3zef \u8336\u2028\U0001f600\n".encode())

    assert parcel.given == {"title": "J\u00f3zef \u8336\u2028\U0001f600"}


@pytest.mark.parametrize("text", ["3.40434E19", "3,40434E+19", "3E+19", "3.4e19", "340434241592066115.0", "="])
def test_a_number_rounded_by_a_spreadsheet_is_rejected_with_the_reason(text: str) -> None:
    file = f'tracking_number;courier_code;title\n"{text}";dhl;\nA1;dhl;{text}\n'.encode()

    first, second = read(file)

    assert isinstance(first, Mistake)
    assert (first.line, first.field) == (2, "tracking_number")
    assert ("spreadsheet" in first.reason) == (text != "=")
    assert isinstance(second, Row)


@pytest.mark.parametrize("text", ["1E5", "340434241592066115", "1.0", "EE123456785NL", "3.14"])
def test_a_number_that_only_resembles_a_rounded_one_is_accepted(text: str) -> None:
    (parcel,) = parcels(HEAD + f"{text},dhl\n".encode())

    assert parcel.tracking_number == text


def test_other_numbers_with_lost_digits_are_rejected_too() -> None:
    file = b"tracking_number,courier_code,customer_sms,order_number\nA1,dhl,4.91577E+11,\nA2,dhl,,1001.0\n"

    assert mistakes(file) == [(2, "customer_sms")]


def test_digits_stored_as_text_keep_their_leading_zeros() -> None:
    (parcel,) = parcels(b'tracking_number;courier_code;note\n="00340434241592066115";dhl;="say ""hi"""\n')

    assert (parcel.tracking_number, parcel.given) == ("00340434241592066115", {"note": 'say "hi"'})


def test_line_numbers_include_the_separator_line() -> None:
    assert mistakes(b"sep=,\n" + HEAD + b"?,dhl\n") == [(3, "tracking_number")]


def test_a_missing_courier_is_detected_from_the_number() -> None:
    (parcel,) = parcels(b"tracking_number,auto_correct\nRR473124829DE,1\n")

    assert parcel.courier_code == "deutsche-post"


def test_each_error_names_the_first_line_of_its_row_and_the_field() -> None:
    file = (
        b"tracking_number,courier_code,title,destination_country_iso2\n"
        b'A1,dhl,"two\nlines",\n'
        b",dhl,,\n"
        b"?,dhl,,\n"
        b"\n"
        b"A2,D H L,,\n"
        b"A3,dhl,,Germany\n" + b"A4,dhl," + b"x" * 501 + b",\n"
        b"A5,postnl-3s,,\n"
        b"A6,dhl,,,surplus\n"
        b"A7,dhl\n"
    )

    assert mistakes(file) == [
        (4, "tracking_number"),
        (5, "tracking_number"),
        (7, "courier_code"),
        (8, "destination_country_iso2"),
        (9, "title"),
        (10, "tracking_postal_code"),
        (11, ""),
    ]
    assert len(read(file)) == 9


@pytest.mark.parametrize(
    ("file", "mistake"),
    [
        (b"", (1, "tracking_number")),
        (b"\n\n", (1, "tracking_number")),
        (b"A1,dhl\n", (1, "tracking_number")),
        (b"tracking_number,colour\nA1,red\n", (1, "colour")),
        (b"tracking_number,title,Title\nA1,x,y\n", (1, "Title")),
        (b"tracking_number,a\x00b\n", (1, "a\\x00b")),
        (HEAD + b'A1,"dhl\nA2,dhl\n', (2, "")),
        (HEAD + b'A1,"d"hl\n', (2, "")),
        (HEAD + b"A1," + b"x" * LONGEST_LINE + b"\n", (2, "")),
        (HEAD + b'A1,"' + b"x\n" * LONGEST_LINE * 2, (2, "")),
        ("tracking_number,courier_code\n".encode("utf-16"), (1, "")),
    ],
)
def test_an_unreadable_file_says_where(file: bytes, mistake: tuple[int, str]) -> None:
    assert mistakes(file)[-1] == mistake


def test_a_file_in_the_encoding_of_a_windows_is_refused_with_how_to_save_it() -> None:
    names = "tracking_number;title\nA1;Größe 42\n"
    headings = "tracking_number;Empfänger\nA1;x\n"

    found = [row for text in (names, headings) for row in read(text.encode("cp1252"))]

    how = "is not in UTF-8. In Excel, save the file as “CSV UTF-8” instead of “CSV”"
    assert found == [Mistake(2, "title", how), Mistake(1, "", f"the first line {how}")]


def test_a_column_without_a_heading_is_an_error_only_if_it_has_a_cell() -> None:
    assert mistakes(b"tracking_number,,courier_code\nA1,,dhl\nA2,y,dhl\n") == [(3, "")]


def test_an_undecodable_byte_affects_only_its_row() -> None:
    file = HEAD + b"A1,dhl\n" * 5_000 + b"A2,d\xffl\nA3,dhl\n"

    assert mistakes(file) == [(5_002, "courier_code")]
    assert len(read(file)) == 5_002


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_cell_starts_a_formula(sign: str) -> None:
    assert guard(f"{sign}1") == f"'{sign}1"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x;=cmd()", "x;'=cmd()"),
        ('x; "=cmd()"', 'x;\' "=cmd()"'),
        ("x\t@cmd()", "x\t'@cmd()"),
        ("x\r\n=cmd()\r\ny", "x\r\n'=cmd()\r\ny"),
        ("a = b; c - d, +1", "a = b; c - d, +1"),
    ],
)
def test_text_inside_a_cell_is_never_a_formula_under_another_separator(text: str, cell: str) -> None:
    assert guard(text) == cell


TEXTS = st.text(max_size=20) | st.text("=-@;\t\r\n'\" x,", max_size=10)


@given(TEXTS)
def test_no_spreadsheet_finds_a_formula_in_a_cell(text: str) -> None:
    parts = re.split(r"[;\t\r\n]", guard(text))

    assert [part for part in parts if part.lstrip('" ').startswith(("=", "+", "-", "@"))] == []


@given(TEXTS)
def test_a_guarded_text_is_restored_on_import(text: str) -> None:
    assert unguard(guard(text)) == text


@pytest.mark.parametrize("text", ["'t Hof", "''t Hof", "A1;'t Hof"])
def test_an_apostrophe_that_guards_nothing_is_part_of_the_text(text: str) -> None:
    assert (guard(text), unguard(text)) == (text, text)


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=2, max_size=4), max_size=6))
def test_no_file_crashes_the_reader(cells: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["tracking_number", "title"], *cells])

    assert all(isinstance(row, Row | Mistake) for row in read(text.getvalue().encode()))


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(content: bytes) -> None:
    assert all(isinstance(row, Row | Mistake) for row in read(b"tracking_number,title\n" + content))
