"""What is read from karrio's account of a parcel, and from the carrier's own answer beside it."""

from waypost.domain.checkpoints import Basis
from waypost.domain.statuses import Status
from waypost.domain.trackings import Update
from waypost.sources.karrio.processes import Detail, KarrioEvent, Told
from waypost.sources.karrio.read import read_told

NUMBER = "A1"
NOON = KarrioEvent(date="2026-07-18", time="01:05 PM", timestamp="2026-07-18T13:05:00.000Z", description="Handed over")

DPD = b"""<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<getTrackingDataResponse xmlns="http://dpd.com/x"><trackingresult>
 <statusInfo><status>ACCEPTED</status><label><content>Parcel information</content></label>
  <description><content><content>DPD has received the details</content></content></description>
  <statusHasBeenReached>true</statusHasBeenReached><location><content/></location>
  <date><content>7/17/2026 11:00:00 PM</content></date></statusInfo>
 <statusInfo><status>ON_THE_ROAD</status><description><content>
  <content>Out with the driver</content></content></description>
  <statusHasBeenReached>true</statusHasBeenReached><location><content>Gent</content></location>
  <date><content>7/18/2026 1:05:09 PM</content></date></statusInfo>
 <statusInfo><status>DELIVERED</status><description><content><content>Delivered</content></content></description>
  <statusHasBeenReached>false</statusHasBeenReached><date><content>7/18/2026 1:05:09 PM</content></date></statusInfo>
</trackingresult></getTrackingDataResponse></s:Body></s:Envelope>"""


def read(*events: KarrioEvent, body: bytes = b"", extension: str = "bpost", number: str = NUMBER) -> Update:
    told = Told(1, (Detail(tracking_number=number, events=events),))
    return read_told(extension, NUMBER, told, [(200, body)])


def times(update: Update) -> list[tuple[str, int | None]]:
    return [(scan.checkpoint_date, scan.offset_minutes) for scan in update.checkpoints]


def test_offset_and_seconds_come_from_the_carriers_own_answer() -> None:
    assert times(read(NOON, body=b"<time>2026-07-18T13:05:42+02:00</time>")) == [("2026-07-18T13:05:42", 120)]
    assert times(read(NOON, body=b'{"time": "2026-07-18 13:05:42.123"}')) == [("2026-07-18T13:05:42", None)]


def test_karrios_own_forms_of_a_time_are_understood() -> None:
    written = ("01:05 PM", "13:05 PM", "13:05", "13:05:00", "12:05 AM", "00:05 AM", "noon", None)
    found = [times(read(KarrioEvent(date="2026-07-18", time=one, description="x")))[0][0][11:16] for one in written]
    assert found == ["13:05", "13:05", "13:05", "13:05", "00:05", "00:05", "00:00", "00:00"]


def test_the_z_that_karrio_adds_is_not_an_offset() -> None:
    assert times(read(NOON)) == [("2026-07-18T13:05:00", None)]
    assert times(read(NOON, body=b"2026-07-18T13:06:00+02:00")) == [("2026-07-18T13:05:00", None)]


def test_two_scans_of_a_minute_keep_the_offset_that_both_have() -> None:
    both = b"2026-07-18T13:05:10+02:00 2026-07-18T13:05:50+02:00"
    assert times(read(NOON, body=both)) == [("2026-07-18T13:05:00", 120)]
    assert times(read(NOON, body=both + b" 2026-07-18T13:05:50+01:00")) == [("2026-07-18T13:05:00", None)]


def test_karrios_status_is_general_and_the_text_goes_before_it() -> None:
    vague = read(KarrioEvent(date="2026-07-18", time="13:05", description="KarrioEvent 30", status="in_transit"))
    said = read(KarrioEvent(date="2026-07-18", time="13:05", description="Out for delivery", status="in_transit"))
    silent = read(KarrioEvent(date="2026-07-18", time="13:05", description="KarrioEvent 31", status="unknown"))

    assert (vague.checkpoints[0].checkpoint_delivery_substatus, vague.checkpoints[0].basis) == (
        "transit001",
        Basis.GENERAL_CODE,
    )
    assert said.checkpoints[0].checkpoint_delivery_status is Status.PICKUP
    assert silent.checkpoints[0].checkpoint_delivery_status is None


def test_no_text_makes_a_status_of_karrios_a_delivery() -> None:
    scan = read(KarrioEvent(date="2026-07-18", time="13:05", description="Delivered", status="in_transit")).checkpoints[
        0
    ]
    assert scan.checkpoint_delivery_status is Status.TRANSIT


def test_dpds_afternoons_are_afternoons_and_stations_ahead_are_not_scans() -> None:
    wrong = KarrioEvent(date="2026-07-18", time="01:05 AM", description="Delivered", status="delivered")
    update = read(wrong, body=DPD, extension="dpd")

    assert times(update) == [("2026-07-17T23:00:00", None), ("2026-07-18T13:05:09", None)]
    assert [scan.checkpoint_delivery_substatus for scan in update.checkpoints] == ["inforeceived001", "pickup001"]
    assert [scan.location for scan in update.checkpoints] == [None, "Gent"]


def test_an_odd_scan_is_skipped_and_the_others_stay() -> None:
    update = read(
        NOON,
        KarrioEvent(description="No day"),
        KarrioEvent(date="18/07/2026", time="13:05"),
        KarrioEvent(date="2026-07-18"),
    )
    assert len(update.checkpoints) == 1
    assert [(one.field, one.reason) for one in update.skipped] == [
        ("events[1]", "time"),
        ("events[2]", "text"),
        ("events[3]", "text"),
    ]


def test_another_parcel_in_the_answer_is_not_this_one() -> None:
    told = Told(1, (Detail("B1", events=(NOON,)), Detail("a1", events=(NOON, NOON))))
    assert len(read_told("bpost", NUMBER, told, []).checkpoints) == 2
