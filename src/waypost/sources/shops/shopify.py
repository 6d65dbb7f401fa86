"""Shopify: its webhooks for fulfilments, signed over the raw body."""

from collections.abc import Mapping
from itertools import islice
from typing import Final

import msgspec

from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import MOST_PARCELS, Contents, Push
from waypost.sources import reading, signatures
from waypost.sources.carriers.carrier import Field
from waypost.sources.pushes import telling
from waypost.sources.reading import clean
from waypost.sources.sender import KEEP_CUSTOMERS, PushSender
from waypost.sources.shops.orders import order, shipment
from waypost.sources.signatures import BASE64

NAME: Final = "shopify"
HEADER: Final = "X-Shopify-Hmac-SHA256"
_TOPICS: Final = ("fulfillments/create", "fulfillments/update")
_CANCELLED: Final = "cancelled"
_NO_NUMBER: Final = "The fulfillment has no tracking number yet."


class _Destination(msgspec.Struct, frozen=True):
    first_name: str | None = None
    last_name: str | None = None
    city: str | None = None
    province: str | None = None
    zip: str | None = None
    country_code: str | None = None


class _Fulfilment(msgspec.Struct, frozen=True):
    id: int | str | None = None
    order_id: int | str | None = None
    name: str | None = None
    status: str | None = None
    email: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    tracking_company: str | None = None
    tracking_number: str | None = None
    tracking_numbers: tuple[msgspec.Raw, ...] | None = None
    destination: _Destination | None = None


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of Shopify; see ``sender.Verify``."""
    del now  # the signature covers the body, and a repeated push has no effect
    expected = signatures.hmac_sha256(signatures.secret_of(credentials), push.body)
    return signatures.check_digest(signatures.header(push, HEADER), expected, name=HEADER, forms=(BASE64,))


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of Shopify; see ``sender.Read``.

    Shopify's own reading of the journey, ``shipment_status``, is not used.
    """
    del arrived_at
    topic = push.headers.get("x-shopify-topic", _TOPICS[0])
    if topic not in _TOPICS:
        return telling.ignored(push, f"{clean(topic, most=60)} is not a topic of fulfillments.")
    fulfilment = reading.decode(push.body, _Fulfilment)
    cancelled = fulfilment.status == _CANCELLED
    own = shipment(fulfilment.id, cancelled=cancelled, changed_at=fulfilment.updated_at)
    if cancelled:
        note = f"The fulfillment {clean(fulfilment.name, most=60) or ''} was cancelled."
        return Contents(telling.body_key(push), (), note, own)
    listed = reading.each(fulfilment.tracking_numbers, str)
    numbers = list(dict.fromkeys([*listed, *([fulfilment.tracking_number] if fulfilment.tracking_number else [])]))
    given = _given(fulfilment)
    found = (one for number in numbers for one in order(number, fulfilment.tracking_company, given))
    told = tuple(islice(found, MOST_PARCELS + 1))
    return Contents(telling.body_key(push), told, None if told else _NO_NUMBER, own)


def _given(fulfilment: _Fulfilment) -> dict[str, object]:
    to = fulfilment.destination or _Destination()
    return {
        "order_number": (fulfilment.name or "").partition(".")[0],
        "order_id": fulfilment.order_id,
        "order_date": fulfilment.created_at,
        "customer_name": " ".join(part for name in (to.first_name, to.last_name) if (part := clean(name))),
        "customer_email": fulfilment.email,
        "recipient_postcode": to.zip,
        "destination_country": to.country_code,
        "destination_state": to.province,
        "destination_city": to.city,
    }


SENDER: Final = PushSender(
    name=NAME,
    title="Shopify",
    kind=ConnectionKind.SHOP,
    fields=(
        Field("secret", "Signing secret", required=False, hint="you can add it after you have created the webhooks"),
    ),
    choices=(KEEP_CUSTOMERS,),
    verify=verify,
    read=read,
    steps=(
        "In the Shopify admin, open Settings, Notifications, Webhooks, and choose Create webhook.",
        "Create one for Fulfillment creation and one for Fulfillment update: format JSON, and the address as the URL.",
        "Copy the signing secret at the bottom of that page into this connection: Actions, Replace credentials.",
    ),
    doc="""\
Every fulfillment with a tracking number registers its parcels, with the order number, the order's id and date, and
the destination. The name and e-mail address of the customer are kept only if you tick that. If a fulfillment
gets another number, that one is registered, and the page of the old parcel says which one replaced it; if it is
cancelled, its parcels are archived. A fulfillment without a number, and a number that is known already, change
nothing. Each webhook is signed with HMAC-SHA256
over its body, as Base64 in the header `X-Shopify-Hmac-SHA256`. Shopify's own status of a shipment is not used.""",
)
