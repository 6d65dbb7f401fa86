"""The table of couriers holds what it says: names, codes, countries, pages, each once."""

import tomllib
from collections import Counter
from importlib.resources import files
from itertools import chain

import iso3166
import msgspec
import pytest

from waypost.domain.tracking_numbers import check_courier_code
from waypost.sources.carriers import carriers
from waypost.sources.couriers.table import PLACE, Asked, Courier, CourierType, couriers, is_known, missing_fact, posts

REGIONS = sorted((files("waypost.sources.couriers") / "table").iterdir(), key=lambda file: file.name)
USED_BY_CLIENTS = (
    "usps ups fedex dhl dhlglobalmail ups-mi royal-mail yodel amazon amazon-in cainiao yanwen yunexpress 4px sf-express"
    " jcex sfb2c postnl-3s poste-italiane gls-italy italy-sda estafetausa india-post aramex globegistics asendia-usa"
)


def test_there_are_at_least_three_hundred_couriers() -> None:
    assert len(couriers()) >= 300


def test_the_couriers_that_clients_name_are_there() -> None:
    assert [code for code in USED_BY_CLIENTS.split() if not is_known(code)] == []


def test_every_code_is_one_that_a_parcel_may_have() -> None:
    assert [code for code in couriers() if check_courier_code(code) != code] == []


def test_couriers_that_are_asked_are_listed() -> None:
    asked = {code for carrier in carriers() for code in carrier.courier_codes}

    assert sorted(asked - couriers().keys()) == []


def test_couriers_come_sorted_by_their_codes() -> None:
    assert list(couriers()) == sorted(couriers())


@pytest.mark.parametrize("region", [file.name for file in REGIONS])
def test_a_region_is_sorted(region: str) -> None:
    (file,) = (file for file in REGIONS if file.name == region)

    codes = list(tomllib.loads(file.read_text(encoding="utf-8")))

    assert codes == sorted(codes)


def test_countries_are_iso_countries() -> None:
    named = {country for courier in couriers().values() for country in (courier.country, *courier.issues) if country}

    assert sorted(named - iso3166.countries_by_alpha2.keys()) == []


def test_a_country_has_one_post_whose_numbers_are_its_own() -> None:
    issued = Counter(chain.from_iterable(courier.issues for courier in couriers().values()))

    assert [country for country, count in issued.items() if count > 1] == []
    assert (posts()["GB"], posts()["US"], posts()["DE"]) == ("royal-mail", "usps", "deutsche-post")


def test_those_that_issue_numbers_are_the_posts_of_countries() -> None:
    wrong = [
        code for code, courier in couriers().items() if (courier.type is CourierType.GLOBALPOST) != bool(courier.issues)
    ]

    assert wrong == []


def test_a_page_of_a_parcel_names_the_number_once() -> None:
    pages = [courier.track for courier in couriers().values() if courier.track]

    assert [page for page in pages if page.count(PLACE) != 1] == []
    assert len(pages) >= 100


def test_no_fact_is_both_required_and_optional() -> None:
    assert [code for code, one in couriers().items() if set(one.required) & set(one.optional)] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://www.example.test"},
        {"url": "https://www.example.test/path"},
        {"track": "https://www.example.test/track"},
        {"country": "de"},
        {"type": "drone"},
        {"phone": "0800 123"},
        {"languages": ["english"]},
        {"required": ["shoe_size"]},
        {"colour": "red"},
    ],
)
def test_the_loader_refuses_what_is_no_fact_of_a_courier(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": "Example", "type": "express", **wrong}, Courier)


def test_a_courier_says_what_it_misses() -> None:
    assert missing_fact("postnl-3s", {}) == "tracking_postal_code"
    assert missing_fact("postnl-3s", {"tracking_postal_code"}) is Asked.DESTINATION
    assert missing_fact("postnl-3s", {"tracking_postal_code", "tracking_destination_country"}) is None


def test_a_courier_that_is_not_listed_misses_nothing() -> None:
    assert not is_known("ponies-of-nowhere")
    assert missing_fact("ponies-of-nowhere", {}) is None
