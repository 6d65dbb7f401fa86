"""Who counts as one visitor, and how often one may do something."""

import pytest

from waypost.portal import networks
from waypost.portal.networks import Allowance, networks_of


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.7", [("198.51.100.7", 1)]),
        (
            "2001:db8:1:2345:6789::1",
            [("2001:db8:1:2345::/64", 1), ("2001:db8:1:2300::/56", 2), ("2001:db8:1::/48", 4)],
        ),
        ("nonsense", [("nonsense", 1)]),
        ("", [("", 1)]),
    ],
)
def test_ipv6_addresses_count_by_their_networks_and_others_by_themselves(address, counted):
    assert list(networks_of(address)) == counted


def test_an_address_may_try_so_often_a_minute_and_waits_for_the_rest_of_it():
    now = [100.0]
    allowance = Allowance(2, clock=lambda: now[0])

    waits = [allowance.take("198.51.100.7")]
    now[0] += 20
    waits += [allowance.take("198.51.100.7") for _ in range(2)]
    now[0] += 40
    waits.append(allowance.take("198.51.100.7"))

    assert waits == [0, 0, 40, 0]


def test_many_networks_of_one_customer_may_try_twice_as_often_as_one_and_those_of_a_site_four_times():
    allowance = Allowance(3, clock=lambda: 0.0)

    of_customer = [allowance.take(f"2001:db8:0:{number:x}::1") for number in range(20)]
    of_site = [allowance.take(f"2001:db8:0:{number:x}00::1") for number in range(1, 20)]

    assert of_customer.count(0) == 6
    assert of_site.count(0) == 6
    assert allowance.take("2001:db8:1::1") == 0


def test_what_is_refused_does_not_count():
    allowance = Allowance(1, clock=lambda: 0.0)
    for _ in range(10):
        allowance.take("2001:db8::1")

    assert allowance.take("2001:db8:0:1::1") == 0


def test_of_very_many_networks_those_seen_last_are_counted(monkeypatch):
    monkeypatch.setattr(networks, "MOST_COUNTED", 3)
    allowance = Allowance(1, clock=lambda: 0.0)

    taken = [allowance.take(address) for address in ("1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4", "1.1.1.4", "1.1.1.1")]

    assert taken == [0, 0, 0, 0, 60, 0]
