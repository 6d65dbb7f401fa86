"""What operators and their monitoring ask: is it ready, and how is it doing. Neither needs a key."""

from http import HTTPStatus
from typing import Final, Protocol

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from prometheus_client import CONTENT_TYPE_LATEST

from waypost.api.answers import answer, answer_bytes
from waypost.api.openapi.operations import Operation


class Monitored(Protocol):
    """Whoever can tell how a process does; ``ready`` gives None, or one sentence why it is not."""

    async def ready(self) -> str | None:
        """Tell whether it does its work."""

    async def metrics(self) -> bytes:
        """Give Prometheus' text."""


Given = NamedDependency[SkipValidation[Monitored]]


class Readiness(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the server is ready, and, where it is not, why."""

    status: str
    reason: str = ""


@get("/health/ready")
async def ready(parts: Given) -> Response[bytes]:
    """Answer 200 when requests can be served and deliveries are sent, else 503 with the reason."""
    reason = await parts.ready()
    if reason is None:
        return answer(Readiness("ready"))
    return answer(Readiness("not ready", reason), HTTPStatus.SERVICE_UNAVAILABLE)


@get("/metrics")
async def metrics(parts: Given) -> Response[bytes]:
    """Give Prometheus' text."""
    return answer_bytes(await parts.metrics(), media_type=CONTENT_TYPE_LATEST)


ROUTES: Final = (ready, metrics)

_GROUP: Final = "Operation"
OPERATIONS: Final = (
    Operation(
        handler=ready,
        group=_GROUP,
        scope=None,
        answers={200: Readiness, 503: Readiness},
        example=Readiness("ready"),
    ),
    Operation(
        handler=metrics,
        group=_GROUP,
        scope=None,
        answers={200: str},
        media_type=CONTENT_TYPE_LATEST.partition(";")[0],
    ),
)
