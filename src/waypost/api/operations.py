"""Readiness and metrics for operators and monitoring. No key is needed."""

from http import HTTPStatus
from typing import Final, Protocol

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from prometheus_client import CONTENT_TYPE_LATEST

from waypost.api.openapi.operations import Operation
from waypost.api.responses import answer, answer_bytes


class Monitored(Protocol):
    """What provides the readiness and metrics of a process."""

    async def ready(self) -> str | None:
        """Return None if the process is ready; otherwise the reason in a sentence."""

    async def metrics(self) -> bytes:
        """Return metrics in the Prometheus text format."""


Given = NamedDependency[SkipValidation[Monitored]]


class Readiness(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the server is ready and, if not, why."""

    status: str
    reason: str = ""


@get("/health/ready")
async def ready(parts: Given) -> Response[bytes]:
    """Return 200 if requests can be served and deliveries are sent; otherwise 503 with the reason."""
    reason = await parts.ready()
    if reason is None:
        return answer(Readiness("ready"))
    return answer(Readiness("not ready", reason), HTTPStatus.SERVICE_UNAVAILABLE)


@get("/metrics")
async def metrics(parts: Given) -> Response[bytes]:
    """Return metrics in the Prometheus text format."""
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
