"""The table of couriers is consistent: names, codes, countries and pages."""

import tomllib
from collections import Counter
from importlib.resources import files
from itertools import chain

import iso3166
import msgspec
import pytest

from waypost.domain.tracking_numbers import check_courier_code
from waypost.sources.carriers import carriers
from waypost.sources.couriers.table import (
    Courier,
    CourierType,
    RequiredFact,
    couriers,
    is_known,
    missing_fact,
    posts,
)

REGIONS = sorted((files("waypost.sources.couriers") / "table").iterdir(), key=lambda file: file.name)
USED_BY_CLIENTS = (
    "usps ups fedex dhl dhlglobalmail ups-mi royal-mail yodel amazon amazon-in cainiao yanwen yunexpress 4px sf-express"
    " jcex sfb2c postnl-3s poste-italiane gls-italy italy-sda estafetausa india-post aramex globegistics asendia-usa"
)


def test_there_are_at_least_three_hundred_couriers() -> None:
    assert len(couriers()) >= 300


def test_couriers_named_by_official_clients_are_listed() -> None:
    assert [code for code in USED_BY_CLIENTS.split() if not is_known(code)] == []


def test_every_courier_code_is_valid_for_a_parcel() -> None:
    assert [code for code in couriers() if check_courier_code(code) != code] == []


def test_polled_couriers_are_listed() -> None:
    asked = {code for carrier in carriers() for code in carrier.courier_codes}

    assert sorted(asked - couriers().keys()) == []


def test_couriers_are_sorted_by_code() -> None:
    assert list(couriers()) == sorted(couriers())


@pytest.mark.parametrize("region", [file.name for file in REGIONS])
def test_a_region_is_sorted(region: str) -> None:
    (file,) = (file for file in REGIONS if file.name == region)

    codes = list(tomllib.loads(file.read_text(encoding="utf-8")))

    assert codes == sorted(codes)


def test_countries_are_iso_countries() -> None:
    named = {country for courier in couriers().values() for country in (courier.country, *courier.issues) if country}

    assert sorted(named - iso3166.countries_by_alpha2.keys()) == []


def test_each_country_has_one_postal_operator_for_its_numbers() -> None:
    issued = Counter(chain.from_iterable(courier.issues for courier in couriers().values()))

    assert [country for country, count in issued.items() if count > 1] == []
    assert (posts()["GB"], posts()["US"], posts()["DE"]) == ("royal-mail", "usps", "deutsche-post")


def test_s10_issuers_are_postal_operators() -> None:
    wrong = [
        code for code, courier in couriers().items() if (courier.type is CourierType.GLOBALPOST) != bool(courier.issues)
    ]

    assert wrong == []


def test_a_tracking_page_url_contains_the_number_once() -> None:
    pages = [courier.track for courier in couriers().values() if courier.track]

    assert [page for page in pages if page.count("{number}") != 1] == []
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
def test_the_loader_rejects_invalid_courier_facts(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": "Example", "type": "express", **wrong}, Courier)


def test_a_courier_lists_its_missing_required_facts() -> None:
    assert missing_fact("postnl-3s", {}) == "tracking_postal_code"
    assert missing_fact("postnl-3s", {"tracking_postal_code"}) is RequiredFact.DESTINATION
    assert missing_fact("postnl-3s", {"tracking_postal_code", "tracking_destination_country"}) is None


def test_an_unlisted_courier_requires_nothing() -> None:
    assert not is_known("ponies-of-nowhere")
    assert missing_fact("ponies-of-nowhere", {}) is None
