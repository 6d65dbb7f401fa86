"""A delivery as a cURL command: the request that would be sent now, freshly signed, to be tried by hand."""

import shlex
from collections.abc import Iterable, Sequence

from waypost.actions.endpoint_secrets import OpenedSecrets
from waypost.domain import ids
from waypost.domain.endpoints import Version
from waypost.payloads import SIGNED_INSIDE, render, sign_inside
from waypost.signing import rotation, v2v3
from waypost.store.deliveries import DeliveryRow
from waypost.store.endpoints import EndpointRow
from waypost.store.states import unpack

HIDDEN = "<your value>"
"""The placeholder for the value of a custom header, which may be a password."""


def curl_of(
    row: DeliveryRow,
    packed: bytes,
    endpoint: EndpointRow,
    secrets: OpenedSecrets,
    *,
    email: str,
    own: Iterable[str],
    now: int,
) -> str:
    """Return the command that sends a delivery's event as its endpoint would get it now; ``own`` are header names."""
    version = Version(endpoint.version)
    keys = rotation.Secrets(secrets.current, secrets.previous, int(secrets.until or 0))
    body = render(version, unpack(packed))
    signed: rotation.Headers = ()
    if version in SIGNED_INSIDE:
        body = sign_inside(version, body, now, v2v3.sign(now, email))
    else:
        signed = rotation.v4_headers(keys, now)
    headers = (
        ("content-type", "application/json"),
        *signed,
        *rotation.standard_headers(keys, ids.to_text(ids.EVENT, row.event), now, body),
        ("waypost-sequence", str(row.sequence)),
        *((name, HIDDEN) for name in own),
    )
    return command(endpoint.url, headers, body)


def command(url: str, headers: Sequence[tuple[str, str]], body: bytes) -> str:
    """Return a curl command in which every part is one word to the shell and literal text to curl."""
    parts = [
        "curl --globoff --include --request POST",
        *(f"--header {shlex.quote(f'{name}: {value}')}" for name, value in headers),
        f"--data-raw {shlex.quote(body.decode())}",
        f"--url {shlex.quote(url)}",
    ]
    return " \\\n  ".join(parts)
