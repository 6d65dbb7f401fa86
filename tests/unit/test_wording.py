import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.statuses import SUBSTATUSES
from waypost.domain.wording import read_wording

ENGLISH = {
    "inforeceived001": [
        "The instruction data for this shipment have been provided by the sender to DHL electronically",
        "Shipping Label Created, USPS Awaiting Item",
        "Shipment information received",
        "Electronic Shipping Info Received",
        "Pre-Shipment Info Sent to USPS",
        "Order information has been transmitted; the parcel has not been handed over yet",
    ],
    "transit001": [
        "In transit to next facility",
        "Shipment picked up",
        "The shipment has been posted by the sender at the retail outlet",
        "Shipment is on its way",
        "Delayed due to weather",
        "The delivery will be delayed",
        "Clearance event",
        "in_transit",
        "Acceptance",
        "In the carrier's possession: in possession of item",
        "Customs status updated",
    ],
    "transit002": [
        "Arrived at Sort Facility LEIPZIG - GERMANY",
        "The shipment has been processed in the parcel center",
        "Processed at EAST MIDLANDS - UK",
        "The shipment has arrived in the region of recipient and will be transported to the delivery base",
        "Arrived at DHL Facility",
        "At destination sort facility",
    ],
    "transit003": [
        "Arrived at Delivery Facility in BERLIN - GERMANY",
        "Arrived at Post Office",
        "The shipment has arrived at the delivery base",
    ],
    "transit004": ["The shipment has arrived in the destination country", "Arrived in the recipient's country"],
    "transit005": [
        "Customs clearance completed",
        "Clearance processing complete at LEIPZIG - GERMANY",
        "Your package was released by customs",
        "Customs cleared",
    ],
    "transit006": [
        "Departed Facility in LEIPZIG - GERMANY",
        "Depart Sort Facility",
        "The shipment was prepared for onward transport",
        "Dispatched from the warehouse",
    ],
    "transit007": ["Departed from the airport of Shenzhen", "Flight departed", "Handed over to airline"],
    "pickup001": [
        "Out for Delivery",
        "out_for_delivery",
        "On vehicle for delivery",
        "Out for delivery, expected delivery by 8:00pm",
        "The shipment has been loaded onto the delivery vehicle",
        "Shipment is with the courier and is expected to be delivered today",
        "Shipment is out with courier for delivery: with delivery courier",
    ],
    "pickup002": [
        "The shipment is ready for pick-up at the PACKSTATION",
        "Available for Pickup",
        "The shipment could not be delivered and is now ready for collection at the branch",
        "The shipment has been delivered to the post office",
        "Awaiting customer pickup",
        "Your parcel can be collected at the Parcelshop",
        "Delivered to PACKSTATION 123",
        "Held at our location for recipient pickup",
        "Ready for collection from the post office",
    ],
    "pickup003": ["Addressee contacted before delivery", "Delivery appointment agreed"],
    "delivered001": [
        "Delivered",
        "DELIVERED",
        "The shipment has been successfully delivered",
        "Delivered as scheduled",
        "Delivered to the recipient",
        "Delivery successful",
        "Handed over to the addressee",
        "Delivered, In/At Mailbox",
    ],
    "delivered002": [
        "The recipient has picked up the shipment from the retail outlet",
        "Collected by the addressee",
        "Delivered, Individual Picked Up at Post Office",
    ],
    "delivered003": [
        "Delivered - Signed for by: JANE DOE",
        "Signed by J. Doe",
        "Delivered and signed for",
        "Delivered, signature obtained",
    ],
    "delivered004": [
        "Delivered, Front Door/Porch",
        "The shipment was handed over to a neighbour",
        "Delivered to a neighbor",
        "Left in a safe place",
        "Delivered, Parcel Locker",
        "The shipment has been deposited at the agreed drop-off location",
    ],
    "undelivered001": [
        "Incorrect address",
        "The address is incomplete",
        "Bad address, shipment could not be delivered",
        "Recipient has moved",
    ],
    "undelivered002": [
        "The recipient was not at home",
        "Nobody at home",
        "Notice Left (No Authorized Recipient Available)",
        "Delivery attempted; recipient not home",
        "The recipient could not be met; the shipment is being taken to the post office and can be collected there",
        "The recipient was not met. The shipment can be collected tomorrow",
        "Delivery attempted - consignee premises closed",
    ],
    "undelivered003": ["Addressee could not be located", "Recipient unknown", "Unable to contact the consignee"],
    "undelivered004": [
        "The shipment could not be delivered",
        "Not delivered",
        "Delivery attempt unsuccessful",
        "Delivery attempted",
        "Delivery failed",
        "Undeliverable",
        "Attempted delivery. Notice card left indicating where item can be picked up.",
        "Couldn't deliver: missed delivery",
    ],
    "exception004": ["Unclaimed", "Not collected within the storage period", "The collection period has expired"],
    "exception005": ["Shipment on hold", "Package is on hold at our facility"],
    "exception006": [
        "Held by customs",
        "The shipment is pending completion of customs inspection.",
        "Shipment held - awaiting customs documents",
        "Customs: further information required",
        "Clearance delay: awaiting clearance",
    ],
    "exception007": ["The parcel was damaged in transit", "Shipment lost", "The contents were disposed of"],
    "exception008": ["Order cancelled before pick-up", "The label has been voided", "Cancelled"],
    "exception009": ["Refused by the addressee", "Recipient refused delivery", "Delivery declined by the customer"],
    "exception010": [
        "Returned to sender",
        "The shipment has been returned to the shipper",
        "Delivered to the original sender",
        "Return delivered",
    ],
    "exception011": [
        "The shipment is being returned to the sender",
        "Return to sender",
        "The recipient refused the shipment. It will be returned to the sender",
        "The parcel is on its way back",
    ],
}

GERMAN = {
    "inforeceived001": [
        "Die Sendung wurde elektronisch angekündigt. Sobald die Sendung von uns bearbeitet wurde, erhalten Sie mehr.",
        "Die Auftragsdaten zu dieser Sendung wurden vom Absender elektronisch an DHL übermittelt.",
    ],
    "transit001": [
        "Die Sendung wurde vom Absender in der Filiale eingeliefert.",
        "Die Sendung ist unterwegs",
        "Die Zustellung verzögert sich",
    ],
    "transit002": [
        "Die Sendung wurde im Start-Paketzentrum bearbeitet.",
        "Die Sendung ist in der Zielregion angekommen und wird im nächsten Schritt zur Zustellbasis transportiert.",
    ],
    "transit003": ["Die Sendung ist in der Zustellbasis eingetroffen"],
    "transit004": ["Die Sendung ist im Zielland eingetroffen."],
    "transit005": ["Die Zollabfertigung ist abgeschlossen", "Verzollung abgeschlossen"],
    "transit006": [
        "Die Sendung wurde für den Weitertransport vorbereitet",
        "Die Sendung hat das Paketzentrum verlassen",
    ],
    "pickup001": ["Die Sendung wurde in das Zustellfahrzeug geladen.", "Die Sendung befindet sich in Zustellung"],
    "pickup002": [
        "Die Sendung liegt in der PACKSTATION zur Abholung bereit.",
        "Zur Abholung in der Filiale bereit",
        "Die Sendung wurde in die Packstation eingestellt",
        "Die Sendung kann in der Filiale abgeholt werden",
        "Die Sendung konnte nicht zugestellt werden und liegt in der Filiale zur Abholung bereit",
    ],
    "delivered001": ["Die Sendung wurde erfolgreich zugestellt.", "Zugestellt", "Dem Empfänger übergeben"],
    "delivered002": [
        "Der Empfänger hat die Sendung in der Filiale abgeholt.",
        "Die Sendung wurde in der Filiale abgeholt",
    ],
    "delivered004": [
        "Die Sendung wurde einem Nachbarn übergeben",
        "Zugestellt am Wunschort",
        "Die Sendung wurde an einen Ersatzempfänger zugestellt",
    ],
    "undelivered001": ["Falsche Adresse", "Der Empfänger ist unbekannt verzogen"],
    "undelivered002": [
        "Der Empfänger wurde nicht angetroffen.",
        "Empfänger nicht angetroffen, die Sendung wird in die Filiale gebracht und kann ab morgen abgeholt werden",
    ],
    "undelivered003": ["Empfänger konnte nicht ermittelt werden"],
    "undelivered004": [
        "Die Sendung konnte nicht zugestellt werden.",
        "Erfolgloser Zustellversuch",
        "Die Zustellung war leider nicht möglich",
    ],
    "exception004": ["Die Sendung wurde nicht abgeholt", "Die Lagerfrist ist abgelaufen"],
    "exception005": ["Die Sendung wurde angehalten"],
    "exception006": ["Die Sendung liegt beim Zoll", "Wird vom Zoll festgehalten: beim Zoll angehalten"],
    "exception007": ["Die Sendung wurde beschädigt"],
    "exception008": ["Auftrag storniert"],
    "exception009": ["Annahme verweigert", "Der Empfänger hat die Annahme der Sendung verweigert."],
    "exception010": ["Die Sendung wurde dem Absender zugestellt", "Retoure zugestellt"],
    "exception011": [
        "Die Sendung wird an den Absender zurückgesandt.",
        "Rücksendung eingeleitet",
    ],
}

PHRASES = [
    pytest.param(phrase, substatus, id=phrase)
    for table in (ENGLISH, GERMAN)
    for substatus, phrases in table.items()
    for phrase in phrases
]

# Texts that must not be read as something that has happened.
PLANS_AND_NEGATIONS = [
    "The shipment will be delivered tomorrow",
    "Scheduled for delivery",
    "Your parcel is scheduled to be delivered today",
    "Expected to be delivered on Monday",
    "Delivery date updated",
    "Has not been delivered yet",
    "Not yet delivered",
    "If you are not at home the parcel will be left with a neighbour",
    "Unless collected it will be returned to the sender",
    "Final notice; item will be returned to sender if not collected within 10 days",
    "A new delivery attempt will be made on the next working day",
    "No delivery attempt has been made",
    "The shipment will be ready for pick-up tomorrow",
    "The shipment is being brought to the post office",
    "The shipment can be collected from Monday",
    "The shipment will be delivered to the PACKSTATION",
    "The shipment will be out for delivery tomorrow",
    "Ready for pickup by courier",
    "Partially delivered",
    "Information delivered",
    "Die Sendung wird voraussichtlich morgen zugestellt",
    "Noch nicht zugestellt",
    "Neuer Zustellversuch am nächsten Werktag",
    "Falls Sie nicht angetroffen werden, geben wir die Sendung beim Nachbarn ab",
    "Die Sendung kann ab morgen abgeholt werden",
    "JESSICA",
    "Event code 4711",
    "",
    "   ",
]


@pytest.mark.parametrize(("phrase", "substatus"), PHRASES)
def test_phrases_are_read_as_their_substatus(phrase: str, substatus: str) -> None:
    assert read_wording(phrase) == substatus


@pytest.mark.parametrize("phrase", PLANS_AND_NEGATIONS)
def test_announcements_and_negations_say_nothing(phrase: str) -> None:
    assert read_wording(phrase) is None


def test_negated_or_planned_deliveries_are_never_delivered() -> None:
    said = [phrase for phrase in PLANS_AND_NEGATIONS if (read_wording(phrase) or "").startswith("delivered")]

    assert said == []


def test_case_white_space_and_unicode_form_do_not_matter() -> None:
    phrase = "Rücksendung   eingeleitet"

    assert read_wording(phrase.upper()) == "exception011"
    assert read_wording(unicodedata.normalize("NFD", phrase)) == "exception011"
    assert read_wording("Ruecksendung\n eingeleitet") == "exception011"


def test_of_several_meanings_the_one_that_ends_the_journey_counts() -> None:
    assert read_wording("Arrived at facility. The shipment is being returned to the sender.") == "exception011"
    assert read_wording("Delivered. Thank you for your patience during the delay.") == "delivered001"


def test_only_the_first_four_hundred_characters_are_read() -> None:
    assert read_wording("-" * 395 + " delivered") is None
    assert read_wording("-" * 380 + " delivered") == "delivered001"


@given(st.text(max_size=2_000))
def test_any_text_gives_a_valid_substatus_or_none(text: str) -> None:
    assert read_wording(text) in {None, *SUBSTATUSES}


WORDS = ("not", "delivered", ",", "and", "the", "to", "be", "returned", "sender", "customs", "hold", "address", "for")


@given(st.lists(st.sampled_from(WORDS), max_size=200))
def test_a_text_designed_to_be_slow_is_read_too(words: list[str]) -> None:
    assert read_wording(" ".join(words)) in {None, *SUBSTATUSES}
