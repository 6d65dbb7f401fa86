"""A webhook of any shop that says that an order was shipped; a map says where its fields are."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import MOST_PARCELS, Contents, Push
from waypost.sources import reading, signatures
from waypost.sources.carriers.carrier import Field
from waypost.sources.pushes import telling
from waypost.sources.sender import KEEP_CUSTOMERS, PushSender
from waypost.sources.shops.orders import order
from waypost.sources.signatures import BASE64, HEX

NAME: Final = "order-shipped"
USUAL_HEADER: Final = "X-Signature"
_PREFIX: Final = "sha256="
MAP: Final = {
    "number_field": ("tracking_number", "Field of the tracking number"),
    "courier_field": ("courier_code", "Field of the courier"),
    "order_number_field": ("order_number", "Field of the order number"),
    "order_id_field": ("order_id", "Field of the order's id"),
    "order_date_field": ("order_date", "Field of the order's date"),
    "customer_name_field": ("customer_name", "Field of the customer's name"),
    "customer_email_field": ("customer_email", "Field of the customer's e-mail address"),
    "country_field": ("destination_country", "Field of the destination's country"),
    "postcode_field": ("recipient_postcode", "Field of the destination's postcode"),
}
"""The settings of the map: the fact that each is for, whose name is the usual field, and its label."""
_OF_PARCEL: Final = ("number_field", "courier_field")
_NO_NUMBER: Final = "There is no tracking number where the connection's map says."


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of an order in the shop's own format; see ``sender.Verify``.

    The secret comes as a bearer token, or as the key of a signature over the body.
    """
    del now  # neither has a time, and a repeated push has no effect
    secret, name = signatures.secret_of(credentials), credentials.get("header", USUAL_HEADER)
    if "authorization" in push.headers:
        signatures.check_text(signatures.bearer(push), secret, name="Authorization")
        return "bearer"
    sent = signatures.header(push, name).removeprefix(_PREFIX)
    return signatures.check_digest(sent, signatures.hmac_sha256(secret, push.body), name=name, forms=(HEX, BASE64))


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of an order in the shop's own format; see ``sender.Read``."""
    del arrived_at
    document = reading.decode(push.body, dict[str, Any])
    paths = {setting: push.settings.get(setting) or usual for setting, (usual, _) in MAP.items()}
    given = {
        usual: next(iter(_at(document, paths[setting])), None)
        for setting, (usual, _) in MAP.items()
        if setting not in _OF_PARCEL
    }
    couriers = list(_at(document, paths["courier_field"]))
    numbers = _at(document, paths["number_field"])
    found = (
        parcel
        for place, number in enumerate(numbers)
        for parcel in order(number, couriers[place] if place < len(couriers) else next(iter(couriers), None), given)
    )
    told = tuple(islice(found, MOST_PARCELS + 1))
    return Contents(telling.body_key(push), told, None if told else _NO_NUMBER)


def _at(value: Any, path: str) -> Iterator[Any]:
    """Yield what is at a path such as ``shipments.tracking.number``; of a list, in each of its elements."""
    name, _, rest = path.partition(".")
    if isinstance(value, list):
        for one in value:
            yield from _at(one, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and name in value:
        yield from _at(value[name], rest)


SENDER: Final = PushSender(
    name=NAME,
    title="Order shipped (any shop)",
    kind=ConnectionKind.SHOP,
    fields=(
        Field("secret", "Secret", hint="any text of your own; leave it empty to have one made"),
        Field(
            "header", "Signature header", secret=False, required=False, hint=f"if you leave it empty, {USUAL_HEADER}"
        ),
    ),
    chosen=frozenset({"secret"}),
    choices=(KEEP_CUSTOMERS,),
    texts=tuple(
        Field(setting, label, secret=False, required=False, hint=f"if you leave it empty, {usual}")
        for setting, (usual, label) in MAP.items()
    ),
    verify=verify,
    read=read,
    steps=(
        "Let your shop send a POST request with JSON to the address whenever an order is shipped.",
        f"Send the secret as a bearer token, or the HMAC-SHA256 of the body in the header {USUAL_HEADER}.",
        "Say under Update details where the fields are, for example shipment.tracking.number.",
    ),
    doc="""\
Any shop or program can register parcels with a webhook of its own: a POST request with a JSON object. The map of
the connection says where the fields are; a list in a path stands for all of its elements, so one request can
register several parcels. The name and e-mail address of the customer are kept only if you tick that. The request is
authenticated with the secret as a bearer token in the header `Authorization`, or with HMAC-SHA256 over the body, as
hexadecimal digits (with or without `sha256=` before them) or Base64. Without a courier, the format of the number
decides.""",
)
