"""FedEx: webhooks of its Advanced Integrated Visibility, in the form of its Track API."""

from collections.abc import Mapping
from typing import Final

import msgspec

from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import Contents, Push, PushedParcel
from waypost.sources import reading, signatures
from waypost.sources.carriers.carrier import Field
from waypost.sources.carriers.fedex.read import read_answer
from waypost.sources.pushes import telling
from waypost.sources.sender import PushSender
from waypost.sources.signatures import BASE64, HEX

NAME: Final = "fedex-push"
HEADER: Final = "fdx-signature"
_OK: Final = 200


class _Numbered(msgspec.Struct, frozen=True, rename="camel"):
    tracking_number: str | None = None


class _Output(msgspec.Struct, frozen=True, rename="camel"):
    complete_track_results: tuple[msgspec.Raw, ...] | None = None


class _Body(msgspec.Struct, frozen=True, rename="camel"):
    """The results, at the top or, as in an answer of the Track API, below ``output``."""

    complete_track_results: tuple[msgspec.Raw, ...] | None = None
    output: _Output | None = None


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of FedEx; see ``sender.Verify``.

    FedEx' pages name both Base64 and hexadecimal digits.
    """
    del now  # the signature covers the body, and a repeated push has no effect
    expected = signatures.hmac_sha256(signatures.secret_of(credentials), push.body)
    return signatures.check_digest(signatures.header(push, HEADER), expected, name=HEADER, forms=(BASE64, HEX))


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of FedEx; see ``sender.Read``."""
    body = reading.decode(push.body, _Body)
    results = body.complete_track_results or (None if body.output is None else body.output.complete_track_results)
    return telling.of_parts(push, results or (), lambda result: _told(result, arrived_at))


def _told(result: msgspec.Raw, arrived_at: int) -> tuple[PushedParcel, ...]:
    answer = b'{"output":{"completeTrackResults":[' + bytes(result) + b"]}}"
    number = reading.decode(bytes(result), _Numbered).tracking_number
    return telling.as_polled(number, "fedex", lambda valid: read_answer(_OK, answer, valid), arrived_at)


SENDER: Final = PushSender(
    name=NAME,
    title="FedEx webhooks",
    kind=ConnectionKind.PUSH,
    fields=(Field("secret", "Security token", hint="any text of your own; leave it empty to have one made"),),
    chosen=frozenset({"secret"}),
    verify=verify,
    read=read,
    steps=(
        "In the FedEx Developer Portal, create a Webhook project for Advanced Integrated Visibility.",
        "Paste the address as the webhook URL and the secret as the security token.",
        "Subscribe your account or your numbers with Track Number Association.",
    ),
    doc="""\
FedEx pushes in the form of its Track API, so a scan is the same whether it was pushed or polled. Each push is
signed with HMAC-SHA256 over its body under the security token in the header `fdx-signature`. FedEx' pages disagree
about its spelling: Waypost accepts Base64 and hexadecimal digits, and `push_signature_seen` in the log says which
one came. Pushes come from 20.65.16.22 and 20.65.16.31, and their order is not guaranteed.""",
)
