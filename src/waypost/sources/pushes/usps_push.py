"""USPS: Subscriptions Tracking 3.2, in the form of its Tracking API."""

from collections.abc import Mapping
from typing import Final

import msgspec

from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import Contents, Push
from waypost.sources import reading, signatures
from waypost.sources.carriers.carrier import Field
from waypost.sources.carriers.usps.read import read_answer
from waypost.sources.pushes import telling
from waypost.sources.sender import PushSender
from waypost.sources.signatures import BASE64, HEX

NAME: Final = "usps-push"
HEADER: Final = "X-HMAC"
_OK: Final = 200


class _Body(msgspec.Struct, frozen=True, rename="camel"):
    tracking_number: str | None = None


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of USPS; see ``sender.Verify``.

    How USPS spells the signature is not documented: two ways are accepted.
    """
    del now  # the signature covers the body, and a repeated push has no effect
    expected = signatures.hmac_sha256(signatures.secret_of(credentials), push.body)
    return signatures.check_digest(signatures.header(push, HEADER), expected, name=HEADER, forms=(HEX, BASE64))


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of USPS; see ``sender.Read``."""
    number = reading.decode(push.body, _Body).tracking_number
    told = telling.as_polled(number, "usps", lambda valid: read_answer(_OK, push.body, valid), arrived_at)
    return Contents(telling.body_key(push), told, None if told else telling.NOT_A_NUMBER)


SENDER: Final = PushSender(
    name=NAME,
    title="USPS subscriptions",
    kind=ConnectionKind.PUSH,
    fields=(Field("secret", "Secret", hint="at most 32 characters of your own; leave it empty to have a secret made"),),
    chosen=frozenset({"secret"}),
    verify=verify,
    read=read,
    steps=(
        "In the USPS Developer Portal, add the product Subscriptions - Tracking to your app.",
        "Create a subscription with the address as listenerURL and the secret as secret.",
        "Filter by your Mailer ID or by tracking number, and choose all event types.",
    ),
    doc="""\
USPS pushes the newest events in the form of its Tracking API, so a scan is the same whether it was pushed or
polled. Each push is signed in the header `X-HMAC` with the secret of your subscription. USPS does not document the
algorithm and its spelling: Waypost expects HMAC-SHA256 over the body, as hexadecimal digits or Base64, and
`push_signature_seen` in the log says which one came. This has not been tried against USPS.""",
)
