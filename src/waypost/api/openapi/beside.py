"""What is said of the operations beside the API: schemas, readiness, metrics."""

from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST

from waypost.api import operations, schemas
from waypost.api.openapi.operations import Operation
from waypost.api.operations import Readiness

_OPERATION: Final = "Operation"
_SCHEMAS: Final = "Schemas"

OPERATIONS: Final = (
    *(
        Operation(
            handler=handler, group=_SCHEMAS, scope=None, answers={200: dict[str, Any]}, media_type=schemas.MEDIA_TYPE
        )
        for handler in schemas.ROUTES
    ),
    Operation(
        handler=operations.ready,
        group=_OPERATION,
        scope=None,
        answers={200: Readiness, 503: Readiness},
        example=Readiness("ready"),
    ),
    Operation(
        handler=operations.metrics,
        group=_OPERATION,
        scope=None,
        answers={200: str},
        media_type=CONTENT_TYPE_LATEST.partition(";")[0],
    ),
)
