"""WooCommerce: its webhooks for orders, signed over the raw body; tracking numbers come from plugins."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import MOST_PARCELS, Contents, Push, PushedParcel
from waypost.sources import reading, signatures
from waypost.sources.carriers.carrier import Field
from waypost.sources.pushes import telling
from waypost.sources.reading import clean
from waypost.sources.sender import KEEP_CUSTOMERS, PushSender
from waypost.sources.shops.orders import order, shipment
from waypost.sources.signatures import BASE64

NAME: Final = "woocommerce"
HEADER: Final = "X-WC-Webhook-Signature"
ITEMS: Final = "_wc_shipment_tracking_items"
"""Where WooCommerce Shipment Tracking and Advanced Shipment Tracking keep an order's shipments."""
NUMBERS: Final = ("_tracking_number", "_aftership_tracking_number")
"""Where other plugins keep an order's number."""
NUMBER_KEYS: Final = "number_keys"
_PING: Final = b"webhook_id="
_LONGEST_PING: Final = 64
_CANCELLED: Final = "cancelled"
_NO_NUMBER: Final = "The order has no tracking number yet."


class _Person(msgspec.Struct, frozen=True):
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    country: str | None = None
    state: str | None = None
    postcode: str | None = None
    city: str | None = None


class _Meta(msgspec.Struct, frozen=True):
    key: str
    value: Any = None


class _Item(msgspec.Struct, frozen=True):
    tracking_provider: str | None = None
    custom_tracking_provider: str | None = None
    tracking_number: str | None = None


class _Order(msgspec.Struct, frozen=True):
    id: int | str | None = None
    number: str | None = None
    status: str | None = None
    date_created: str | None = None
    date_modified_gmt: str | None = None
    billing: _Person | None = None
    shipping: _Person | None = None
    meta_data: tuple[msgspec.Raw, ...] | None = None


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of WooCommerce; see ``sender.Verify``.

    The form with which WooCommerce tests an address may come without a signature.
    """
    del now  # the signature covers the body, and a repeated push has no effect
    if HEADER.lower() not in push.headers and _is_ping(push.body):
        return "ping"
    expected = signatures.hmac_sha256(signatures.secret_of(credentials), push.body)
    return signatures.check_digest(signatures.header(push, HEADER), expected, name=HEADER, forms=(BASE64,))


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of WooCommerce; see ``sender.Read``."""
    del arrived_at
    if _is_ping(push.body):
        return telling.ignored(push, "WooCommerce has tested the address.")
    topic = push.headers.get("x-wc-webhook-topic", "order.updated")
    if not topic.startswith("order."):
        return telling.ignored(push, f"{clean(topic, most=60)} is not a topic of orders.")
    found = reading.decode(push.body, _Order)
    own = shipment(found.id, cancelled=found.status == _CANCELLED, changed_at=found.date_modified_gmt)
    if own is not None and own.cancelled:
        return Contents(
            telling.body_key(push), (), f"The order {clean(found.number, most=60) or ''} was cancelled.", own
        )
    keys = (*NUMBERS, *(key.strip() for key in push.settings.get(NUMBER_KEYS, "").split(",") if key.strip()))
    given = _given(found)
    told: dict[str, PushedParcel] = {}
    for number, company in _shipments(found, keys):
        told |= {one.tracking_number: one for one in order(number, company, given)}
        if len(told) > MOST_PARCELS:
            break
    return Contents(telling.body_key(push), tuple(told.values()), None if told else _NO_NUMBER, own)


def _is_ping(body: bytes) -> bool:
    return body.startswith(_PING) and len(body) <= _LONGEST_PING and body[len(_PING) :].isdigit()


def _shipments(found: _Order, keys: tuple[str, ...]) -> Iterator[tuple[object, object]]:
    """Yield the numbers of an order, each with what the shop calls its courier."""
    for meta in reading.each(found.meta_data, _Meta):
        if meta.key == ITEMS and isinstance(meta.value, list):
            for value in meta.value:
                try:
                    item = msgspec.convert(value, _Item, strict=False)
                except msgspec.ValidationError:
                    continue
                yield item.tracking_number, item.tracking_provider or item.custom_tracking_provider
        elif meta.key in keys:
            yield meta.value, None


def _given(found: _Order) -> dict[str, object]:
    to, payer = found.shipping or _Person(), found.billing or _Person()
    name = " ".join(part for one in (to.first_name, to.last_name) if (part := clean(one)))
    return {
        "order_number": found.number,
        "order_id": found.id,
        "order_date": found.date_created,
        "customer_name": name,
        "customer_email": payer.email,
        "recipient_postcode": to.postcode or payer.postcode,
        "destination_country": to.country or payer.country,
        "destination_state": to.state or payer.state,
        "destination_city": to.city or payer.city,
    }


SENDER: Final = PushSender(
    name=NAME,
    title="WooCommerce",
    kind=ConnectionKind.SHOP,
    fields=(Field("secret", "Secret", hint="any text of your own; leave it empty to have one made"),),
    chosen=frozenset({"secret"}),
    choices=(KEEP_CUSTOMERS,),
    texts=(
        Field(
            NUMBER_KEYS,
            "Other meta keys with tracking numbers",
            secret=False,
            required=False,
            hint="separated by commas, if a plugin of yours stores the number under another key",
        ),
    ),
    verify=verify,
    read=read,
    steps=(
        "In WooCommerce, open Settings, Advanced, Webhooks, choose Add webhook, status Active and topic Order updated.",
        "Paste the address as the Delivery URL and the secret as the Secret, and save the webhook.",
        "Ship an order with a tracking number: the call appears on the connection's page.",
    ),
    doc="""\
Every order with a tracking number registers its parcels, with the order number, the order's id and date, and the
destination. The name and e-mail address of the customer are kept only if you tick that. Numbers are read from
WooCommerce Shipment Tracking, Advanced Shipment Tracking, and from the meta keys `_tracking_number`,
`_aftership_tracking_number` and those that you name. If the
shop replaces a number, the new one is registered, and the page of the old parcel says which one replaced it; if the
order is cancelled, its parcels are archived. An order without a number changes nothing. Each webhook is
signed with HMAC-SHA256 over its body, as Base64 in the header `X-WC-Webhook-Signature`. WooCommerce disables a
webhook after five errors in a row, so orders that are of no use are answered with 200, too.""",
)
