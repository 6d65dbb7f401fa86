"""The carriers that the bridge offers: what a shop enters, and which couriers each answers for."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from waypost.domain.budget import Budget
from waypost.domain.errors import InvalidInput
from waypost.sources.carriers.carrier import Carrier, Field

PREFIX: Final = "karrio-"
LONGEST: Final = 200
BUDGET: Final = Budget(calls_a_day=1_000, calls_a_second=1, polls_of_a_parcel_a_day=12)
"""No carrier's documentation was read for these, so this is modest; a connection's settings say what was granted."""

PROBE_NUMBER: Final = "00000000000000"


class BridgedCarrier(Carrier, frozen=True, kw_only=True):
    """A carrier that karrio polls. ``name`` begins with ``karrio-``; ``extension`` is karrio's own name for it."""

    extension: str

    @property
    def distribution(self) -> str:
        """The package to install into karrio's environment."""
        return PREFIX + self.extension.replace("_", "-")

    @property
    def page(self) -> str:
        """The page of the documentation about the bridge."""
        return "how-to/more-carriers"

    @property
    def heading(self) -> str:
        """The heading of its chapter there."""
        return "What gets lost"

    def check(self, credentials: Mapping[str, str]) -> dict[str, str]:
        """Return the credentials without surrounding spaces. Raise InvalidInput with the field that is wrong.

        They may contain spaces: most of these carriers take them in a body, and a header is checked when it is sent.
        """
        for name, text in credentials.items():
            if len(text) > LONGEST or not text.isprintable():
                raise InvalidInput(f"credentials.{name}", f"must be at most {LONGEST} printable characters")
        checked = {field.name: credentials.get(field.name, "").strip() for field in self.fields}
        super().check({name: "x" if text else "" for name, text in {**credentials, **checked}.items()})
        return {name: text for name, text in checked.items() if text}


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    couriers: tuple[str, ...]
    fields: tuple[Field, ...]


@cache
def bridged() -> tuple[BridgedCarrier, ...]:
    """Return the carriers of the bridge, in the order of karrio's names."""
    read = tomllib.loads((files(__package__) / "table.toml").read_text(encoding="utf-8"))
    rows = msgspec.convert(read, dict[str, _Row])
    return tuple(
        BridgedCarrier(
            name=PREFIX + extension.replace("_", "-"),
            title=f"{row.title} (by karrio)",
            courier_codes=frozenset(row.couriers),
            fields=row.fields,
            base_url="",
            budget=BUDGET,
            source="",
            probe_number=PROBE_NUMBER,
            extension=extension,
        )
        for extension, row in sorted(rows.items())
    )
