"""Couriers are detected by format and check digit; a wrong check digit is never a sure match."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.tracking_numbers import normalise_number
from waypost.sources.couriers.check_digits import CHECKS
from waypost.sources.couriers.detection import MOST_GUESSES, Certainty, Format, detect, formats
from waypost.sources.couriers.table import couriers, posts

OUTSIDE = Path(__file__).parents[3] / "shared/data/tracking-number-formats"
PUBLIC = Path(__file__).parents[3] / "shared/data/numbers/known-numbers.tsv"
OTHER_CODES = {"canada_post": "canada-post", "landmark": "landmark-global", "old_dominion": "old-dominion"}
FEW = 3
SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

every_format = pytest.mark.parametrize("form", formats(), ids=lambda form: f"{form.courier}-{form.example}")
checked = pytest.mark.parametrize(
    "form", [form for form in formats() if form.check], ids=lambda form: f"{form.courier}-{form.example}"
)


def found(number: str) -> list[str]:
    return [guess.courier for guess in detect(number)]


def surest(number: str) -> Certainty:
    return max((guess.certainty for guess in detect(number)), default=Certainty.UNLIKELY)


@every_format
def test_every_format_belongs_to_a_listed_courier_and_is_in_normal_form(form: Format) -> None:
    assert form.courier in couriers()
    assert normalise_number(form.example) == form.example


@every_format
def test_numbers_of_a_format_rank_their_courier_among_the_first(form: Format) -> None:
    assert form.courier in found(form.example)[:FEW]


@checked
def test_a_wrong_check_digit_never_gives_a_sure_match(form: Format) -> None:
    match = re.fullmatch(form.pattern, form.example)
    assert match
    before, after = form.example[: match.start("check")], form.example[match.end("check") :]

    sure = [sign for sign in SIGNS if surest(f"{before}{sign}{after}") is Certainty.SURE]

    assert sure in ([], [match["check"]])


def test_every_check_digit_algorithm_is_used() -> None:
    assert {form.check for form in formats() if form.check} == CHECKS.keys()


@pytest.mark.parametrize(
    ("name", "serial", "digit"),
    [
        ("s10", "47312482", "9"),
        ("s10", "02000000", "0"),
        ("s10", "00000000", "5"),
        ("ups", "999AA1012345678", "4"),
        ("fedex", "79780667714", "6"),
        ("mod7", "123456789", "1"),
        ("gs1", "629104150021", "3"),
        ("identcode", "56310243031", "3"),
        ("luhn", "7992739871", "3"),
        ("mod37_36", "A12425GABC1234002", "M"),
    ],
)
def test_check_digits_match_published_examples(name: str, serial: str, digit: str) -> None:
    assert CHECKS[name](serial) == digit


@pytest.mark.parametrize(
    ("number", "courier"), [("RR473124829DE", "deutsche-post"), ("RR473124829BR", "brazil-correios")]
)
def test_the_country_of_an_s10_number_determines_the_postal_operator(number: str, courier: str) -> None:
    assert detect(number)[0] == (courier, Certainty.SURE)


def test_an_s10_number_with_an_unknown_country_matches_no_courier() -> None:
    assert surest("RR473124829XX") < Certainty.SURE


def test_express_mail_ranks_before_the_issuing_postal_operator() -> None:
    assert found("EE473124829CN") == ["china-ems", "china-post"]


def test_a_sure_match_removes_guesses() -> None:
    assert detect("A0928545042") == (("ups", Certainty.SURE),)


def test_a_mistyped_number_lists_its_courier_as_unlikely() -> None:
    assert detect("1Z999AA10123456785")[0] == ("ups", Certainty.UNLIKELY)


@pytest.mark.parametrize("number", ["A", "HELLO", "12", "AAAAAAAAAAAAAAAAAA", "0" * 64, "/./", "1Z"])
def test_unknown_formats_match_no_courier(number: str) -> None:
    assert detect(number) == ()


@given(st.text(alphabet=SIGNS + "._/-", min_size=1, max_size=64))
def test_any_number_has_few_guesses_best_first_without_duplicates(number: str) -> None:
    guesses = detect(number)

    assert len(guesses) <= MOST_GUESSES
    assert [guess.certainty for guess in guesses] == sorted((guess.certainty for guess in guesses), reverse=True)
    assert len({guess.courier for guess in guesses}) == len(guesses)
    assert all(guess.courier in couriers() for guess in guesses)


def outside(kind: str) -> Iterator[tuple[dict[str, Any], str, str]]:
    if not OUTSIDE.is_dir():
        pytest.skip("the shared data is not here")
    for file in sorted(OUTSIDE.glob("*.json")):
        known = json.loads(file.read_text(encoding="utf-8"))
        for form in known["tracking_numbers"]:
            for number in form["test_numbers"][kind]:
                yield form, known["courier_code"], normalise_number(number)


def expected(form: dict[str, Any], code: str, number: str) -> str:
    """Return our code of a courier in the shared data, which counts DHL eCommerce as DHL, and S10 as one courier."""
    if code == "s10":
        return posts()[number[-2:]]
    return "dhlglobalmail" if "E-Commerce" in form["name"] else OTHER_CODES.get(code, code)


def test_known_numbers_of_eighteen_couriers_are_detected() -> None:
    numbers = [(number, expected(form, code, number)) for form, code, number in outside("valid")]
    assert len(numbers) > 150

    missed = [(number, courier) for number, courier in numbers if found(number)[:1] != [courier]]
    guesses = sum(len(detect(number)) for number, _ in numbers)

    assert len(missed) <= 0.01 * len(numbers), missed
    assert guesses / len(numbers) <= 4


def test_numbers_from_public_projects_are_detected() -> None:
    if not PUBLIC.is_file():
        pytest.skip("the shared data is not here")
    lines = [line.split("\t") for line in PUBLIC.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    numbers = [(normalise_number(one), codes.split("|")) for _, codes, some in lines for one in some.split()]

    owners: defaultdict[str, set[str]] = defaultdict(
        set
    )  # two projects list one number for two couriers: either is right
    for number, codes in numbers:
        owners[number].update(codes)

    first = [number for number, _ in numbers if set(found(number)[:1]) & owners[number]]
    among_few = [number for number, _ in numbers if set(found(number)[:FEW]) & owners[number]]

    assert len(first) >= 0.97 * len(numbers)
    assert len(among_few) >= 0.99 * len(numbers)


def test_known_invalid_numbers_never_give_a_sure_match() -> None:
    numbers = [number for _, _, number in outside("invalid")]
    assert len(numbers) > 50

    assert [number for number in numbers if surest(number) is Certainty.SURE] == []
