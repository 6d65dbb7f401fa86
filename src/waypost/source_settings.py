"""The operator's settings for each carrier and each service: credentials, addresses and granted budgets."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import AfterValidator, Field, SecretStr, create_model
from pydantic_settings import BaseSettings

from waypost.domain.budget import Budget
from waypost.domain.errors import InvalidInput
from waypost.sources.carriers import carriers
from waypost.sources.carriers.carrier import Carrier, check_base_url, check_key
from waypost.sources.services import API_URLS


def _checked(check: Callable[..., str], value: str) -> str:
    try:
        return check(value, setting="")
    except InvalidInput as error:
        raise ValueError(error.message) from None


def _can_be_asked(value: str) -> str:
    return _checked(check_base_url, value)


def _fits_a_key(value: SecretStr) -> SecretStr:
    _checked(check_key, value.get_secret_value())
    return value


class OperatorKey(msgspec.Struct, frozen=True):
    """The operator's settings for a carrier: credentials, base URL and granted budget."""

    credentials: dict[str, str]
    base_url: str
    budget: Budget


def _below(carrier: Carrier) -> str:
    return f"carrier_{carrier.name.replace('-', '_')}_"


def _carrier_fields(carrier: Carrier) -> dict[str, Any]:
    """Return the settings of a carrier, as ``create_model`` wants them."""
    below, title, budget = _below(carrier), carrier.title, carrier.budget
    key = Annotated[SecretStr, AfterValidator(_fits_a_key)] | None
    without = {True: f"{title} is not polled unless it is set.", False: "Optional."}
    keys = {
        below + one.name: (key, Field(default=None, description=f"{title}: {one.label}. {without[one.required]}"))
        for one in carrier.fields
    }
    url = Field(default=carrier.base_url, description=f"The base URL of {title}'s API.")
    pace = f"How many calls per second {title} allows with these credentials."
    a_day = f"How many calls per day {title} allows with these credentials."
    return keys | {
        below + "base_url": (Annotated[str, AfterValidator(_can_be_asked)], url),
        below + "calls_per_second": (float, Field(default=budget.calls_a_second, gt=0, le=10_000, description=pace)),
        below + "daily_calls": (int, Field(default=budget.calls_a_day, ge=1, le=1_000_000_000, description=a_day)),
    }


def _service_fields(source: str, url: str) -> dict[str, Any]:
    """Return the setting of a service at which parcels are registered, as ``create_model`` wants it."""
    about = f"The base URL of the API of the service `{source}`, at which parcels can be registered."
    return {_service(source): (Annotated[str, AfterValidator(_can_be_asked)], Field(default=url, description=about))}


def _service(source: str) -> str:
    return f"service_{source}_base_url"


if TYPE_CHECKING:
    _Fields = BaseSettings
else:  # a carrier that is added to the list has its settings without a line here
    _Fields = create_model(
        "_Fields",
        __base__=BaseSettings,
        **{name: field for carrier in carriers() for name, field in _carrier_fields(carrier).items()},
        **{name: field for source, url in API_URLS.items() for name, field in _service_fields(source, url).items()},
    )


class SourceSettings(_Fields):
    """The part of the settings that concerns sources; each setting is made from the list of carriers and services."""

    def base_url(self, carrier: Carrier) -> str:
        """Return where a carrier answers."""
        return str(getattr(self, _below(carrier) + "base_url"))

    def service_url(self, source: str) -> str:
        """Return where the API of a service answers at which parcels are registered."""
        return str(getattr(self, _service(source)))

    def operator_key(self, carrier: Carrier) -> OperatorKey | None:
        """Return what the operator set for a carrier; None if a credential that it needs is missing."""
        below = _below(carrier)
        given = {field.name: getattr(self, below + field.name) for field in carrier.fields}
        if any(field.required and given[field.name] is None for field in carrier.fields):
            return None
        return OperatorKey(
            {name: value.get_secret_value() for name, value in given.items() if value is not None},
            self.base_url(carrier),
            msgspec.structs.replace(
                carrier.budget,
                calls_a_second=getattr(self, below + "calls_per_second"),
                calls_a_day=getattr(self, below + "daily_calls"),
            ),
        )
