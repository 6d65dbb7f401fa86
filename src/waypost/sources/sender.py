"""What Waypost needs to know of a service that pushes: what a shop enters, and how a push is verified and read."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from waypost.domain.budget import Budget
from waypost.domain.connections import REGISTERS_THERE, ConnectionKind
from waypost.domain.errors import InvalidInput
from waypost.domain.inbound import Contents, Push
from waypost.sources.carriers.carrier import Field

LONGEST: Final = 200
HEADER: Final = "header"
"""The field for the name of the header in which a service sends its secret or its signature."""
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

Verify = Callable[[Push, Mapping[str, str], int], str]
"""Check a push with a connection's credentials now (Unix seconds), and return which form of signature it has.

Raise WrongSignature.
"""

Read = Callable[[Push, int], Contents]
"""Return what a verified push says, given when it arrived (Unix milliseconds). Raise CarrierUnreadable."""


class SenderChoice(msgspec.Struct, frozen=True):
    """A setting of a connection that is ``yes`` or ``no``, with its words on the page."""

    name: str
    label: str
    default: str = "no"


REGISTER: Final = SenderChoice("register", "Register parcels that Waypost does not know yet")
REGISTER_THERE: Final = SenderChoice(REGISTERS_THERE, "Register your parcels there, which takes its API key")
POLLED: Final = Budget(calls_a_day=20_000, calls_a_second=2, polls_of_a_parcel_a_day=8)
"""For aggregators: below the calls per second that each documents, since registering takes some of them."""
API_KEY: Final = Field("api_key", "API key", required=False, hint="only to register your parcels there")
KEEP_CUSTOMERS: Final = SenderChoice("keep_customers", "Keep the customer's name and e-mail address with the parcel")


class PushSender(msgspec.Struct, frozen=True):
    """A service that pushes to an address of the account.

    ``fields`` are what a shop enters; those in ``chosen`` are of the shop's own choice, and Waypost makes one if it is
    left empty. ``steps`` say, in the words of the sender's own console, where the address and the secret go; ``doc`` is
    its chapter in the documentation. ``choices`` are the settings of a connection that can be ticked, ``texts`` those
    that are written, by name and label.
    """

    name: str
    title: str
    kind: ConnectionKind
    fields: tuple[Field, ...]
    verify: Verify
    read: Read
    steps: tuple[str, ...]
    doc: str
    chosen: frozenset[str] = frozenset()
    choices: tuple[SenderChoice, ...] = (REGISTER,)
    texts: tuple[Field, ...] = ()
    polled: Budget | None = None
    """How often it may be polled for parcels that are registered there; None if it can't be polled."""

    @property
    def heading(self) -> str:
        """The heading of its chapter in the documentation."""
        return self.title

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the fields that Waypost makes up when they are left empty."""
        return tuple(field.name for field in self.fields if field.name in self.chosen and field.secret)

    def check(self, credentials: Mapping[str, str]) -> dict[str, str]:
        """Return the credentials without surrounding spaces. Raise InvalidInput with the field that is wrong."""
        unknown = sorted(set(credentials) - {field.name for field in self.fields})
        if unknown:
            raise InvalidInput(f"credentials.{unknown[0]}", f"is not a credential of {self.title}")
        checked: dict[str, str] = {}
        for field in self.fields:
            text = credentials.get(field.name, "").strip()
            if len(text) > LONGEST or not text.isprintable():
                raise InvalidInput(f"credentials.{field.name}", f"must be at most {LONGEST} printable characters")
            if field.name == HEADER and text and not _HEADER_NAME.fullmatch(text):
                raise InvalidInput("credentials.header", "must be the name of a header, such as X-Token")
            if text:
                checked[field.name] = text
            elif field.required and field.name not in self.chosen:
                raise InvalidInput(f"credentials.{field.name}", f"is required: {field.label}")
        return checked

    def check_settings(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the settings of a connection. Raise InvalidInput with the one that is wrong."""
        choices, texts = {one.name for one in self.choices}, {one.name for one in self.texts}
        for name, text in settings.items():
            if name not in choices | texts:
                raise InvalidInput(f"settings.{name}", f"is not a setting of {self.title}")
            if name in choices and text not in ("yes", "no"):
                raise InvalidInput(f"settings.{name}", "must be yes or no")
            if len(text) > LONGEST or not text.isprintable():
                raise InvalidInput(f"settings.{name}", f"must be at most {LONGEST} printable characters")
        return {name: text.strip() for name, text in settings.items() if text.strip()}
