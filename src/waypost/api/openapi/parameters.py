"""Parameters that several operations take."""

from typing import Annotated, Final

from waypost.actions.constraints import Time, between
from waypost.api.openapi.operations import Parameter
from waypost.api.pagination import LARGEST_PAGE, PAGE_SIZE

PAGE: Final = (
    Parameter(
        "limit",
        f"The page size: {PAGE_SIZE} by default, at most {LARGEST_PAGE}.",
        Annotated[int, between(1, LARGEST_PAGE)],
    ),
    Parameter("cursor", "The `next_cursor` of the previous response."),
)
BETWEEN: Final = (
    Parameter("since", "From this time on (RFC 3339).", Time),
    Parameter("until", "Before this time (RFC 3339).", Time),
)
