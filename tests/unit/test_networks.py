"""Which addresses count as one visitor, and how often a visitor may try something."""

import pytest

from waypost.portal import networks
from waypost.portal.networks import NetworkAllowance, networks_of


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
def test_ipv6_addresses_count_by_network_and_ipv4_addresses_individually(address, counted):
    assert list(networks_of(address)) == counted


def test_an_address_has_a_limit_per_minute_and_waits_for_the_rest():
    now = [100.0]
    allowance = NetworkAllowance(2, clock=lambda: now[0])

    waits = [allowance.take("198.51.100.7")]
    now[0] += 20
    waits += [allowance.take("198.51.100.7") for _ in range(2)]
    now[0] += 40
    waits.append(allowance.take("198.51.100.7"))

    assert waits == [0, 0, 40, 0]


def test_the_networks_of_a_customer_share_twice_the_limit_and_those_of_a_site_four_times():
    allowance = NetworkAllowance(3, clock=lambda: 0.0)

    of_customer = [allowance.take(f"2001:db8:0:{number:x}::1") for number in range(20)]
    of_site = [allowance.take(f"2001:db8:0:{number:x}00::1") for number in range(1, 20)]

    assert of_customer.count(0) == 6
    assert of_site.count(0) == 6
    assert allowance.take("2001:db8:1::1") == 0


def test_rejected_attempts_do_not_count():
    allowance = NetworkAllowance(1, clock=lambda: 0.0)
    for _ in range(10):
        allowance.take("2001:db8::1")

    assert allowance.take("2001:db8:0:1::1") == 0


def test_only_the_most_recently_seen_networks_are_counted(monkeypatch):
    monkeypatch.setattr(networks, "MOST_COUNTED", 3)
    allowance = NetworkAllowance(1, clock=lambda: 0.0)

    taken = [allowance.take(address) for address in ("1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4", "1.1.1.4", "1.1.1.1")]

    assert taken == [0, 0, 0, 0, 60, 0]
