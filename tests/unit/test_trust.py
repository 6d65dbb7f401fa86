"""Addresses are trusted once they have answered, and not while they keep requests waiting."""

from ipaddress import ip_address

from waypost.dispatch.trust import MOST_KNOWN, SUSPECT_SECONDS, Trust

ONE, ANOTHER = ip_address("192.0.2.1"), ip_address("192.0.2.2")


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_an_address_is_trusted_once_it_has_answered() -> None:
    trust = Trust(Clock())

    before = trust.trusts(ONE)
    trust.answered(ONE)

    assert (before, trust.trusts(ONE), trust.trusts(ANOTHER)) == (False, True, False)


def test_an_address_that_keeps_a_request_waiting_is_not_trusted_for_a_day_whatever_it_answers() -> None:
    clock = Clock()
    trust = Trust(clock)
    trust.answered(ONE)

    trust.kept_waiting(ONE)
    clock.seconds += SUSPECT_SECONDS - 1
    trust.answered(ONE)
    during = trust.trusts(ONE)
    clock.seconds += 1
    trust.answered(ONE)

    assert (during, trust.trusts(ONE)) == (False, True)


def test_an_ipv6_network_is_one_address() -> None:
    trust = Trust(Clock())

    trust.answered(ip_address("2001:db8::1"))

    assert trust.trusts(ip_address("2001:db8::ffff:2"))
    assert not trust.trusts(ip_address("2001:db8:0:1::1"))


def test_the_addresses_not_used_lately_are_forgotten() -> None:
    trust = Trust(Clock())

    for number in range(MOST_KNOWN + 1):
        trust.answered(ip_address(number))

    assert not trust.trusts(ip_address(0))
    assert trust.trusts(ip_address(1))
