"""A parcel's status, scan by scan: what each kind of reading can and cannot change."""

import pytest

from waypost.domain.checkpoints import Basis, Checkpoint
from waypost.domain.journeys import follow
from waypost.domain.milestones import milestones
from waypost.domain.readings import Reading, as_written_before, read
from waypost.domain.statuses import Status

CODE, GENERAL, TEXT, REPORTER = Basis.CODE, Basis.GENERAL_CODE, Basis.TEXT, Basis.REPORTER
Said = tuple[str | None, Basis]
UNREAD: Said = (None, TEXT)


def scans(*said: Said | Reading) -> list[Checkpoint]:
    readings = [one if isinstance(one, Reading) else Reading(*one) for one in said]
    return [
        read(Checkpoint(f"2026-03-02T08:{minute:02}:00", "Scanned"), reading) for minute, reading in enumerate(readings)
    ]


def substatus_after(*said: Said | Reading) -> str:
    status, substatus = follow(scans(*said), Status.PENDING, "pending001")
    assert substatus.startswith(status)
    return substatus


@pytest.mark.parametrize("known", ["pickup002", "exception006", "exception011", "exception010", "delivered001"])
@pytest.mark.parametrize("later", [("transit001", GENERAL), ("exception005", GENERAL), UNREAD])
def test_general_codes_and_unread_texts_do_not_undo_specific_statuses(known: str, later: Said) -> None:
    assert substatus_after((known, CODE), later, later) == known


def test_a_general_transit_undoes_a_failed_attempt_but_a_general_exception_does_not() -> None:
    assert substatus_after(("undelivered002", CODE), ("exception005", GENERAL)) == "undelivered002"
    assert substatus_after(("undelivered002", CODE), ("transit001", GENERAL)) == "transit001"


def test_a_general_code_follows_another_general_one() -> None:
    assert substatus_after(("exception005", GENERAL), ("transit001", GENERAL)) == "transit001"


@pytest.mark.parametrize("basis", [CODE, TEXT, REPORTER])
def test_a_movement_ends_ready_for_collection(basis: Basis) -> None:
    assert substatus_after(("pickup002", CODE), ("transit006", basis)) == "transit006"


def test_a_returning_parcel_stays_so_until_returned_or_delivered() -> None:
    sent_back = ("exception011", TEXT)

    assert substatus_after(sent_back, ("transit002", CODE)) == "exception011"
    assert substatus_after(sent_back, ("pickup001", CODE), ("transit002", CODE)) == "exception011"
    assert substatus_after(sent_back, ("transit002", CODE), ("exception010", CODE)) == "exception010"
    assert substatus_after(sent_back, ("delivered001", CODE)) == "delivered001"
    assert substatus_after(sent_back, ("exception010", CODE), ("transit002", CODE)) == "transit002"


@pytest.mark.parametrize("basis", [CODE, REPORTER])
@pytest.mark.parametrize("later", ["transit002", "pickup001", "exception006", "undelivered002"])
def test_after_a_delivery_by_code_or_reporter_only_a_return_changes_the_status(basis: Basis, later: str) -> None:
    delivered = ("delivered001", basis)

    assert substatus_after(delivered, (later, CODE)) == "delivered001"
    assert substatus_after(delivered, (later, REPORTER)) == "delivered001"
    assert substatus_after(delivered, ("exception011", CODE)) == "exception011"


def test_a_delivery_read_from_text_is_undone_by_a_code_or_an_unmistakable_text() -> None:
    delivered = ("delivered001", TEXT)

    assert substatus_after(delivered, ("transit002", CODE)) == "transit002"
    assert substatus_after(delivered, ("transit002", TEXT)) == "transit002"
    assert substatus_after(delivered, Reading("transit002", TEXT, doubtful=True)) == "delivered001"
    assert substatus_after(("delivered001", CODE), delivered, ("transit002", CODE)) == "delivered001"


def test_a_revoked_delivery_is_not_a_milestone() -> None:
    said: list[Said] = [("delivered001", TEXT), ("transit002", CODE), ("delivered004", CODE)]

    assert milestones(tuple(scans(*said[:2]))).delivery_date is None
    assert milestones(tuple(scans(*said))).delivery_date == "2026-03-02T08:02:00"
    assert milestones(tuple(scans(("delivered001", TEXT), ("exception011", TEXT)))).delivery_date is not None


def test_one_unread_scan_means_info_received_and_a_second_one_transit() -> None:
    assert substatus_after(UNREAD) == "inforeceived001"
    assert substatus_after(UNREAD, UNREAD) == "transit001"
    assert substatus_after(("inforeceived001", CODE), UNREAD, UNREAD) == "transit001"
    assert substatus_after(("pickup001", CODE), UNREAD, UNREAD) == "pickup001"


def test_two_texts_of_one_time_and_place_are_not_a_movement() -> None:
    first, second = scans(UNREAD, UNREAD)
    moment = read(Checkpoint(first.checkpoint_date, "Something else"), Reading(*UNREAD))
    elsewhere = read(Checkpoint(first.checkpoint_date, "Scanned", "BONN"), Reading(*UNREAD))

    assert follow([first, moment], Status.PENDING, "pending001") == (Status.INFORECEIVED, "inforeceived001")
    assert follow([first, elsewhere], Status.PENDING, "pending001") == (Status.TRANSIT, "transit001")
    assert follow([first, second], Status.NOTFOUND, "notfound002") == (Status.TRANSIT, "transit001")


@pytest.mark.parametrize(
    ("raw_status", "substatus", "expected"),
    [
        ("transit", "transit001", GENERAL),
        ("transit", "transit002", CODE),
        ("delivered", "delivered004", CODE),
        ("unknown", None, TEXT),
        (None, "delivered001", TEXT),
        (None, None, TEXT),
    ],
)
def test_the_basis_of_a_scan_of_an_earlier_version_comes_from_its_raw_status(
    raw_status: str | None, substatus: str | None, expected: Basis
) -> None:
    status = None if substatus is None else Status(substatus[:-3])
    scan = Checkpoint(
        "2026-03-02T08:00:00",
        "Scanned",
        raw_status=raw_status,
        checkpoint_delivery_status=status,
        checkpoint_delivery_substatus=substatus,
    )

    assert as_written_before(scan).basis is expected
