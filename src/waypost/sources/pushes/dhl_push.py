"""DHL: Unified Push 1.2, in the form of its Unified Tracking API, with a header of the shop's own choice."""

from collections.abc import Mapping
from typing import Final

import msgspec

from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import Contents, Push, PushedParcel
from waypost.sources import reading, signatures
from waypost.sources.carriers.carrier import Field
from waypost.sources.carriers.dhl.read import read_answer
from waypost.sources.pushes import telling
from waypost.sources.sender import PushSender

NAME: Final = "dhl-push"
USUAL_HEADER: Final = "X-Waypost-Token"
_OK: Final = 200
_COURIERS: Final = {
    "express": "dhl",
    "parcel-de": "dhl-germany",
    "post-de": "deutsche-post",
    "parcel-nl": "dhlparcel-nl",
    "parcel-uk": "dhl-parcel-uk",
    "parcel-pl": "dhl-poland",
    "ecommerce": "dhlglobalmail",
    "ecommerce-us": "dhlglobalmail",
    "dgf": "dhl-global-forwarding",
}
"""The courier codes of DHL's divisions, by ``service``."""


class _Shipment(msgspec.Struct, frozen=True):
    id: str | None = None
    service: str | None = None


class _Body(msgspec.Struct, frozen=True):
    shipments: tuple[msgspec.Raw, ...]


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of DHL; see ``sender.Verify``."""
    del now  # the credential has no time, and a repeated push has no effect
    name = credentials.get("header", USUAL_HEADER)
    signatures.check_text(signatures.header(push, name), signatures.secret_of(credentials), name=name)
    return "header"


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of DHL; see ``sender.Read``."""
    shipments = reading.decode(push.body, _Body).shipments
    return telling.of_parts(push, shipments, lambda shipment: _told(shipment, arrived_at))


def _told(shipment: msgspec.Raw, arrived_at: int) -> tuple[PushedParcel, ...]:
    answer = b'{"shipments":[' + bytes(shipment) + b"]}"
    known = reading.decode(bytes(shipment), _Shipment)
    courier = _COURIERS.get((known.service or "").lower(), "dhl")
    return telling.as_polled(known.id, courier, lambda valid: read_answer(_OK, answer, valid), arrived_at)


SENDER: Final = PushSender(
    name=NAME,
    title="DHL Unified Push",
    kind=ConnectionKind.PUSH,
    fields=(
        Field("secret", "Token", hint="any text of your own; leave it empty to have one made"),
        Field("header", "Header name", secret=False, required=False, hint=f"if you leave it empty, {USUAL_HEADER}"),
    ),
    chosen=frozenset({"secret"}),
    verify=verify,
    read=read,
    steps=(
        "Subscribe to Shipment Tracking - Unified Push at developer.dhl.com; DHL offers it to direct customers.",
        "Create a subscription with the address as hook.uri and the authentication type ApiKeyAuthentication.",
        f"Enter the header name, {USUAL_HEADER} or your own, and the token.",
    ),
    doc="""\
DHL pushes in the form of its Unified Tracking API, so a scan is the same whether it was pushed or polled. It does
not sign its pushes: it sends a token of your own choice in a header of your own choice. The token does not cover
the body, so the address is secret, too.""",
)
