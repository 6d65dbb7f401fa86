"""Prepares requests: renders the body and signs the headers with the endpoint's current settings."""

from binascii import a2b_base64
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.endpoints import Version
from waypost.domain.statuses import Status
from waypost.payloads import SIGNED_INSIDE, render, sign_inside
from waypost.payloads.samples import sample_state
from waypost.signing import standard, v2v3
from waypost.signing.rotation import Headers, Secrets, standard_headers, v4_headers
from waypost.store.rows import Claimed, LaneEndpoint
from waypost.store.states import unpack
from waypost.store.vault import Vault

ENDPOINTS_HELD: Final = 4096
_TEST: Final = (("waypost-test", "true"),)


class Signed(msgspec.Struct, frozen=True):
    """The signed request of a delivery, ready to be sent."""

    headers: Sequence[tuple[str, str]]
    custom_headers: list[str] | None
    body: bytes
    body_sha256: bytes
    signed_at: int
    signatures: bytes


class _Opened(msgspec.Struct, frozen=True):
    """An endpoint with its secrets opened: the same for every delivery until the endpoint changes."""

    endpoint: LaneEndpoint
    version: Version
    secrets: Secrets
    own: Headers
    own_names: list[str] | None


class Signer:
    """Signs in the version's own way, inside the body for V2 and V3, and with Standard Webhooks as well."""

    def __init__(self, vault: Vault, user_agent: str) -> None:
        self._vault = vault
        self._opened: dict[UUID, _Opened] = {}
        self._always = (
            ("content-type", "application/json"),
            ("accept", "*/*"),
            ("accept-encoding", "identity"),
            ("user-agent", user_agent),
        )

    def sign(self, claimed: Claimed, endpoint: LaneEndpoint, now: int) -> Signed:
        """Return the request of a delivery at a time (Unix seconds)."""
        known = self._opened.get(endpoint.id)
        opened = self._open(endpoint) if known is None or known.endpoint is not endpoint else known
        version, secrets = opened.version, opened.secrets
        body, body_sha256 = _body_of(version, claimed)
        own_way: Headers = ()
        if version in SIGNED_INSIDE:
            signature = v2v3.sign(now, endpoint.email)
            body = sign_inside(version, body, now, signature)
            body_sha256 = sha256(body).digest()
        else:
            own_way = v4_headers(secrets, now)
            signature = own_way[-1][1]
        webhook = standard_headers(secrets, ids.to_text(ids.EVENT, claimed.event), now, body)
        headers = (
            *self._always,
            *own_way,
            *webhook,
            ("waypost-attempt", str(claimed.tries + 1)),
            ("waypost-sequence", str(claimed.sequence)),
            *(_TEST if claimed.sample else ()),
            *opened.own,
        )
        return Signed(headers, opened.own_names, body, body_sha256, now, _digests(signature, webhook[-1][1]))

    def _open(self, endpoint: LaneEndpoint) -> _Opened:
        if len(self._opened) >= ENDPOINTS_HELD:
            self._opened.clear()
        own = () if endpoint.headers is None else _read_headers(self._text(endpoint, endpoint.headers))
        names = [name for name, _ in own] or None
        opened = _Opened(endpoint, Version(endpoint.version), self._secrets(endpoint), own, names)
        self._opened[endpoint.id] = opened
        return opened

    def _secrets(self, endpoint: LaneEndpoint) -> Secrets:
        current = self._text(endpoint, endpoint.secret)
        if endpoint.previous_secret is None or endpoint.previous_until is None:
            return Secrets(current)
        previous = self._text(endpoint, endpoint.previous_secret)
        return Secrets(current, previous, int(endpoint.previous_until.timestamp()))

    def _text(self, endpoint: LaneEndpoint, sealed: bytes) -> str:
        return self._vault.open(sealed, account=endpoint.account, endpoint=endpoint.id)


def _digests(own: str, others: str) -> bytes:
    """Return the digests of the signature in the version's own way and of those of Standard Webhooks."""
    return bytes.fromhex(own) + b"".join(a2b_base64(one[len(standard.VERSION) :]) for one in others.split())


def _body_of(version: Version, claimed: Claimed) -> tuple[bytes, bytes]:
    """Return the body of a delivery, without a signature inside, and its SHA-256."""
    if claimed.test_body is not None:
        return claimed.test_body, sha256(claimed.test_body).digest()
    if claimed.sample and claimed.packed is None:
        return _sample(version, claimed.sample)
    return _body(version, claimed.packed or b"")


@lru_cache(maxsize=512)
def _body(version: Version, packed: bytes) -> tuple[bytes, bytes]:
    """Render an event once for all its endpoints, which are claimed close together, and return its SHA-256 too."""
    body = render(version, unpack(packed))
    return body, sha256(body).digest()


@lru_cache
def _sample(version: Version, status: str) -> tuple[bytes, bytes]:
    body = render(version, sample_state(Status(status)))
    return body, sha256(body).digest()


def _read_headers(text: str) -> Headers:
    return tuple(msgspec.json.decode(text, type=dict[str, str]).items())
