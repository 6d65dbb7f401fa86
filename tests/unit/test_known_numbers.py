"""Detection ranks the right courier first for nearly all known numbers, and among the first three for almost all."""

import pytest

from tools.documentation.couriers import known_numbers, recognised, total
from waypost.sources.couriers.detection import Certainty, detect, formats
from waypost.sources.couriers.table import posts

FEW = 3


def test_couriers_of_known_numbers_are_recognised() -> None:
    count = total(tuple(recognised("couriers")))

    assert count.numbers >= 500
    assert count.first >= 0.93 * count.numbers
    assert count.in_first_three >= 0.99 * count.numbers


def test_every_courier_is_recognised_by_some_of_its_numbers() -> None:
    assert [one.code for one in recognised("couriers") if not one.in_first_three] == []


def test_postal_operators_are_recognised_by_country() -> None:
    count = total(tuple(recognised("posts")))

    assert count.first == count.numbers == len(posts())


def test_every_courier_with_a_format_has_known_numbers() -> None:
    assert {form.courier for form in formats()} == known_numbers()["couriers"].keys()


@pytest.mark.parametrize(
    ("number", "courier"),
    [
        ("H1001234567890123456", "hermes-de"),
        ("61290123456789012345", "fedex"),
        ("41990123456789012345", "fedex"),
        ("02012345678901234567", "fedex"),
        ("9261212345678901234567", "dhlglobalmail"),
        ("9274812345678901234567", "dhlglobalmail"),
        ("9274899912345678901234", "ups-mi"),
        ("Z6012345678901234", "colis-prive"),
        ("LA40123456", "lasership"),
        ("LS40123456", "lasership"),
        ("0500123456789", "ukraine-post"),
        ("PQ4F7B0712345670128S", "correos-spain"),
        ("1G0123456789", "geodis"),
    ],
)
def test_prefixes_determine_the_courier(number: str, courier: str) -> None:
    assert detect(number)[0].courier == courier


def test_guesses_rank_after_check_digits_and_prefixes() -> None:
    guesses = detect("399123456781")

    assert [guess.certainty for guess in guesses] == sorted((guess.certainty for guess in guesses), reverse=True)
    assert guesses[-1].certainty is Certainty.GUESS


@pytest.mark.parametrize("number", ["AB1234567890123", "7XYZ1234567", "ABCD123456789012"])
def test_arbitrary_letters_and_digits_are_not_australia_posts(number: str) -> None:
    assert "australia-post" not in [guess.courier for guess in detect(number)]


def test_a_mistyped_usps_number_after_a_zip_code_is_listed_as_unlikely() -> None:
    assert detect("420123459202123456789012345678")[0] == ("usps", Certainty.UNLIKELY)
