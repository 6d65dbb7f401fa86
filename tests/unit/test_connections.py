from uuid import UUID

from waypost.domain.connections import Candidate, Choice, choose

OWN_UPS, OWN_DHL, SHARED_DHL, SECOND_DHL = (UUID(int=number) for number in (3, 4, 1, 5))
DHL, UPS = frozenset({"dhl", "dhl-germany"}), frozenset({"ups"})
ALL = (
    Candidate(SHARED_DHL, "dhl", DHL, own=False),
    Candidate(OWN_UPS, "ups", UPS, own=True),
    Candidate(SECOND_DHL, "dhl", DHL, own=True),
    Candidate(OWN_DHL, "dhl", DHL, own=True),
)


def test_the_accounts_oldest_connection_for_the_courier_is_used() -> None:
    assert choose("dhl-germany", (), ALL, ()) == Choice(OWN_DHL)


def test_the_operators_connection_is_used_if_the_account_has_none() -> None:
    assert choose("dhl", (), ALL[:2], ()) == Choice(SHARED_DHL)


def test_a_parcel_without_a_matching_connection_waits() -> None:
    assert choose("usps", (), ALL, ()) == Choice(None)
    assert choose("dhl", (), (), ()) == Choice(None)


def test_after_connections_that_did_not_know_the_number_come_the_next_and_then_detected_couriers() -> None:
    assert choose("dhl", ("ups",), ALL, (OWN_DHL,)) == Choice(SECOND_DHL)
    assert choose("dhl", ("ups",), ALL, (OWN_DHL, SECOND_DHL, SHARED_DHL)) == Choice(OWN_UPS)


def test_if_no_connection_knows_the_number_the_first_keeps_the_parcel() -> None:
    tried = (OWN_DHL, SECOND_DHL, SHARED_DHL, OWN_UPS)

    assert choose("dhl", ("ups",), ALL, tried) == Choice(OWN_DHL, exhausted=True)


def test_a_number_of_an_unknown_courier_uses_detected_couriers() -> None:
    assert choose("own-courier", ("ups", "dhl"), ALL, ()) == Choice(OWN_UPS)
