"""Webhooks as Waypost sends them, made of samples, for tests of receivers."""

from dataclasses import dataclass

from waypost import payloads
from waypost.domain.endpoints import Version
from waypost.domain.statuses import Status
from waypost.payloads.samples import sample_state
from waypost.signing import v2v3
from waypost.signing.rotation import Secrets, standard_headers, v4_headers
from waypost.signing.standard import make_secret

SECRET = make_secret(bytes(range(32)))
OTHER_SECRET = make_secret(bytes(32))
BROUGHT = "2e55b9a3-4dd1-4416-9897-c4bd1e3d738f"
EMAIL = "ops@example.test"
EVENT = "evt_019ca825fc007000800000000000cafe"
NOW = 1_772_629_200


@dataclass(frozen=True)
class Hook:
    """One webhook on its way."""

    body: bytes
    headers: dict[str, str]


def hook(
    version: Version = Version.V4,
    status: Status = Status.DELIVERED,
    *,
    secret: str = SECRET,
    event: str = EVENT,
    sequence: int = 1,
    at: int = NOW,
) -> Hook:
    """Return the sample of a status as a webhook signed in every way that its version supports."""
    rendered = payloads.render(version, sample_state(status))
    body = payloads.sign_inside(version, rendered, at, v2v3.sign(at, EMAIL))
    secrets = Secrets(secret)
    own = v4_headers(secrets, at) if version is Version.V4 else ()
    lines = (*own, *standard_headers(secrets, event, at, body), ("waypost-sequence", str(sequence)))
    return Hook(body, dict(lines))


def v4_only(given: Hook) -> Hook:
    """Return a webhook with only what TrackingMore itself sends."""
    return Hook(given.body, {name: given.headers[name] for name in ("timestamp", "signature")})
