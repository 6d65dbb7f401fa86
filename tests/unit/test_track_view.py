"""A tracking page shows the parcel's progress and history, and no customer data."""

import re

import msgspec
import pytest
from hypothesis import given

from tests.support.states import registered_state, states, with_facts
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.statuses import SUBSTATUSES, Status, status_of
from waypost.domain.trackings import Source, TrackingState, Update, apply
from waypost.portal.track.parcel_view import LONGEST_DETAIL, MOST_ENTRIES, parcel_view, steps
from waypost.portal.track.privacy import Privacy
from waypost.portal.track.texts import LANGUAGES

ENGLISH, GERMAN = LANGUAGES["en"], LANGUAGES["de"]


def moved(*substatuses: str, detail: str = "As the carrier says", location: str = "Bremen") -> TrackingState:
    scans = tuple(
        Checkpoint(
            checkpoint_date=f"2026-07-{place:02}T08:05:00",
            tracking_detail=detail,
            location=location,
            checkpoint_delivery_status=status_of(substatus),
            checkpoint_delivery_substatus=substatus,
        )
        for place, substatus in enumerate(substatuses, start=1)
    )
    state = registered_state()
    return apply(state, Update(Source.API, checkpoints=scans), state.created_at + 1000).state


def places(*substatuses: str) -> str:
    return " ".join(step.place for step in steps(moved(*substatuses), ENGLISH))


@pytest.mark.parametrize(
    ("substatuses", "said"),
    [
        ((), "ahead ahead ahead ahead"),
        (("inforeceived001",), "now ahead ahead ahead"),
        (("inforeceived001", "transit001"), "done now ahead ahead"),
        (("transit001", "pickup001"), "done done now ahead"),
        (("transit001", "undelivered002"), "done done now ahead"),
        (("pickup001", "transit002"), "done done now ahead"),
        (("pickup001", "exception006"), "done done now ahead"),
        (("exception006",), "ahead ahead ahead ahead"),
        (("pickup001", "delivered001"), "done done done done"),
        (("delivered001", "exception011"), "done done now ahead"),
    ],
)
def test_the_steps_show_the_progress_of_the_parcel(substatuses, said):
    assert places(*substatuses) == said


def test_a_parcel_at_a_pickup_point_is_shown_as_ready_for_collection():
    assert steps(moved("pickup002"), GERMAN)[2].label == "Abholbereit"


def test_every_status_and_substatus_has_a_text_in_every_language():
    for texts in LANGUAGES.values():
        for substatus in SUBSTATUSES:
            state = msgspec.structs.replace(registered_state(), status=status_of(substatus), substatus=substatus)

            shown = parcel_view(state, texts)

            assert shown.headline == texts.statuses[status_of(substatus)]
            assert shown.meaning in ("", texts.substatuses[substatus])


def test_scans_are_grouped_by_local_day_newest_first():
    shown = parcel_view(moved("inforeceived001", "transit001"), GERMAN)

    assert [day.heading for day in shown.days] == ["Donnerstag, 2. Juli 2026", "Mittwoch, 1. Juli 2026"]
    (entry,) = shown.days[0].entries
    assert (entry.time, entry.title, entry.where, entry.detail) == (
        "08:05",
        "Unterwegs",
        "Bremen",
        "As the carrier says",
    )


def test_an_unread_scan_is_shown_in_the_carriers_words_only():
    scan = Checkpoint(checkpoint_date="2026-07-01T08:05:00", tracking_detail="Ganz  was\nanderes")
    state = msgspec.structs.replace(registered_state(), checkpoints=(scan,))

    (entry,) = parcel_view(state, ENGLISH).days[0].entries

    assert (entry.title, entry.detail) == ("Ganz was anderes", "")


def test_customer_data_is_hidden_even_inside_carrier_texts():
    state = with_facts(
        moved("delivered003", detail="Handed to MARGIT Büttner, 28203, m.b@x.test, ORD-77", location="28203 Bremen"),
        customer_name="Margit Büttner",
        customer_email="someone@example.com",
        customer_sms="+49170123456",
        recipient_postcode="28203",
        order_number="ORD-77",
        signed_by="Margit",
        scheduled_address="Am Dobben 1",
        note="a note",
        title="a present",
        destination_city="Bremen",
        destination_country="DE",
    )

    said = str(parcel_view(state, ENGLISH))

    for text in ("margit", "büttner", "28203", "@", "ord-77", "+49", "dobben", "a note", "a present"):
        assert text not in said.lower(), text
    assert parcel_view(state, ENGLISH).destination == "Bremen, DE"
    assert "Handed to •••" in said


def test_customer_data_is_never_used_as_a_pattern(monkeypatch):
    words = " ".join(f"w{number}" for number in range(100, 300))
    state = with_facts(moved("delivered003", detail=words), customer_name=words, signed_by=words)

    def refuse(*_args: object) -> None:
        raise AssertionError("a pattern is compiled")

    monkeypatch.setattr(re, "compile", refuse)
    monkeypatch.setattr(re, "_compile", refuse)

    (entry,) = parcel_view(state, ENGLISH).days[0].entries

    assert entry.detail.startswith("••• ••• •••")
    assert "w110 w111" in entry.detail


@pytest.mark.parametrize(
    ("fact", "text", "shown"),
    [
        ({"customer_name": "O'Brien"}, "Left with O'BRIEN, thanks", "Left with •••, thanks"),
        ({"customer_name": "Anna Li"}, "Anna Li signed, Annalise did not", "••• Li signed, Annalise did not"),
        ({"customer_name": "Jose\u0301"}, "Signed by José", "Signed by •••"),
        ({"customer_name": "张三"}, "已由张三签收", "已由•••签收"),
        ({"customer_email": "jane@x.test"}, "mail jane@x.test", "mail •••"),
        ({"scheduled_address": "12 Main St"}, "Main St is closed; at 12, Main St", "Main St is closed; at •••"),
        ({"recipient_postcode": "SW1A 1AA"}, "to sw1a 1aa", "to •••"),
        ({"order_number": "#1001", "order_id": "1001-A"}, "1001-a and 1001", "••• and •••"),
        ({"customer_name": "---"}, "As --- it is", "As --- it is"),
    ],
)
def test_customer_data_is_hidden_only_as_whole_words(fact, text, shown):
    assert Privacy(with_facts(registered_state(), **fact)).hide(text) == shown


def test_a_long_history_is_truncated_with_a_note():
    scans = tuple(Checkpoint(f"2026-07-01T08:{n // 60:02}:{n % 60:02}", "x" * 1000) for n in range(MOST_ENTRIES + 1))
    shown = parcel_view(msgspec.structs.replace(registered_state(), checkpoints=scans), ENGLISH)

    assert shown.cut
    assert sum(len(day.entries) for day in shown.days) == MOST_ENTRIES
    assert all(len(entry.title) == LONGEST_DETAIL + 1 for day in shown.days for entry in day.entries)


@pytest.mark.parametrize(("given", "said"), [("2026-07-04", "Saturday, 4 July 2026"), ("soon", "soon"), ("", "")])
def test_the_expected_day_is_formatted_or_shown_unchanged(given, said):
    assert parcel_view(with_facts(registered_state(), scheduled_delivery_date=given), ENGLISH).expected == said


@given(states())
def test_every_parcel_can_be_shown(state):
    for texts in LANGUAGES.values():
        shown = parcel_view(state, texts)

        assert sum(len(day.entries) for day in shown.days) == min(len(state.checkpoints), MOST_ENTRIES)
        assert len([step for step in shown.steps if step.place == "now"]) <= 1
        assert (shown.status is Status.DELIVERED) == all(step.place == "done" for step in shown.steps)


@pytest.mark.parametrize(
    ("begins", "ends", "said"),
    [
        ("2026-07-04T09:00:00", "2026-07-04T11:30:00", "Saturday, 4 July 2026, 09:00\N{EN DASH}11:30"),
        ("2026-07-03T09:00:00", "2026-07-03T11:30:00", "Saturday, 4 July 2026"),  # before it was rescheduled
        ("2026-07-04T22:00:00", "2026-07-05T02:00:00", "Saturday, 4 July 2026"),
        ("soon", "2026-07-04T11:30:00", "Saturday, 4 July 2026"),
    ],
)
def test_the_window_of_the_expected_day_is_shown_and_no_other(begins, ends, said):
    facts = {"scheduled_delivery_from": begins, "scheduled_delivery_to": ends}
    state = with_facts(registered_state(), scheduled_delivery_date="2026-07-04", **facts)

    assert parcel_view(state, ENGLISH).expected == said
