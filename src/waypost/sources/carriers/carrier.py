"""What Waypost needs to know of a carrier: what a shop enters to connect it, and how it is opened."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.resources import files
from ipaddress import ip_address
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar, cast

import msgspec

from waypost.domain.budget import Budget
from waypost.domain.carriers import CarrierError, CarrierSource, CarrierUnavailable, Parcel
from waypost.domain.errors import InvalidInput
from waypost.domain.targets import Ports, parse_target
from waypost.domain.trackings import Update
from waypost.sources.answers import only
from waypost.turns import aside

if TYPE_CHECKING:  # settings and pages read what a carrier is without loading an HTTP client
    from waypost.sources.http import CarrierAnswer, CarrierHttp

_About = TypeVar("_About")
_Said = TypeVar("_Said")

_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
MOST_ALONE: Final = 3
"""How many numbers may be rejected alone, one after the other, before the carrier is taken to reject all of them."""
_ANY_PORT: Final = Ports.parse("1-65535")


class Field(msgspec.Struct, frozen=True):
    """A value that a shop enters to connect a carrier.

    ``label`` is the term of the carrier's own console, from which the shop copies the value. A ``secret`` is never
    shown again. A field that is not ``required`` may be left out.
    """

    name: str
    label: str
    secret: bool = True
    required: bool = True
    hint: str = ""


class Carrier(msgspec.Struct, frozen=True):
    """A carrier that can be polled with a shop's own credentials.

    ``name`` is the folder's, with ``-`` for ``_``; ``title`` is what people call it. ``courier_codes`` are those it
    answers for. ``base_url`` is the address of its API; only the operator may set a different one, never an account.
    ``budget`` is what its documentation grants a new credential. ``probe_number`` is polled to try a credential without
    anybody's parcel, if the carrier issues no tokens. ``source`` is the class of its ``client`` module.
    """

    name: str
    title: str
    courier_codes: frozenset[str]
    fields: tuple[Field, ...]
    base_url: str
    budget: Budget
    source: str
    probe_number: str = ""

    @property
    def package(self) -> str:
        """The package of its adapter."""
        return f"{__package__}.{self.name.replace('-', '_')}"

    @property
    def page(self) -> str:
        """The page of the documentation that has its chapter."""
        return "reference/carriers"

    @property
    def heading(self) -> str:
        """The heading of its chapter in the documentation: the first line of its ``doc.md``."""
        text = (files(self.package) / "doc.md").read_text(encoding="utf-8")
        return text.partition("\n")[0].removeprefix("# ")

    def check(self, credentials: Mapping[str, str]) -> dict[str, str]:
        """Return the credentials without surrounding spaces. Raise InvalidInput with the field that is wrong."""
        unknown = sorted(set(credentials) - {field.name for field in self.fields})
        if unknown:
            raise InvalidInput(f"credentials.{unknown[0]}", f"is not a credential of {self.title}")
        checked: dict[str, str] = {}
        for field in self.fields:
            text = credentials.get(field.name, "").strip()
            if text:
                checked[field.name] = check_key(text, setting=f"credentials.{field.name}")
            elif field.required:
                raise InvalidInput(f"credentials.{field.name}", f"is required: {field.label}")
        return checked

    def granted(self, settings: Mapping[str, str]) -> Budget:
        """Return the budget, adjusted to what the carrier granted the credential by a connection's settings."""
        return msgspec.structs.replace(
            self.budget,
            calls_a_day=int(settings.get("daily_calls", self.budget.calls_a_day)),
            calls_a_second=float(settings.get("calls_per_second", self.budget.calls_a_second)),
        )

    def open(
        self,
        http: "CarrierHttp",
        credentials: Mapping[str, str],
        *,
        base_url: str | None = None,
        budget: Budget | None = None,
    ) -> CarrierSource:
        """Return the source of a credential, whose fields are those that ``check`` returned."""
        kind = cast("type[PolledCarrier]", getattr(import_module(f"{self.package}.client"), self.source))
        source = kind(self, http, credentials, base_url=base_url or self.base_url, budget=budget or self.budget)
        return cast("CarrierSource", source)


class PolledCarrier(ABC):
    """What the sources of all carriers have in common; each adds ``poll``.

    Carriers that accept several numbers at once derive from ``BatchCarrier``, those with tokens from ``OAuthCarrier``.
    """

    def __init__(
        self, carrier: Carrier, http: "CarrierHttp", credentials: Mapping[str, str], *, base_url: str, budget: Budget
    ) -> None:
        self.name = carrier.name
        self.courier_codes = carrier.courier_codes
        self.budget = budget
        self.http = http
        self.base_url = base_url
        self.credentials = credentials
        self._probe_number = carrier.probe_number

    @property
    def extra_calls(self) -> int:
        """See ``CarrierSource``: without tokens every call is a poll."""
        return 0

    @abstractmethod
    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what the carrier knows of a parcel now; ``facts`` are the shop's. Raise CarrierError on failure."""

    async def reading(
        self, read: Callable[[int, bytes, _About], _Said], answer: "CarrierAnswer", about: _About
    ) -> _Said:
        """Return what an answer says, read in a thread if it is large. Raise CarrierError if it can't be read."""
        return await aside(partial(read, answer.status, answer.body, about), size=len(answer.body))

    async def probe(self) -> None:
        """Poll a number that belongs to nobody; "unknown" is a valid answer. Raise CarrierError on failure."""
        await self.poll(self._probe_number, {})


class BatchCarrier(PolledCarrier):
    """A source whose carrier accepts several numbers in one call; a ``BatchSource``. It adds ``call`` and ``read``."""

    most_at_once: ClassVar[int]
    _split_calls = 0

    @property
    def extra_calls(self) -> int:
        """See ``CarrierSource``."""
        return super().extra_calls + self._split_calls

    @abstractmethod
    async def call(self, numbers: Sequence[str]) -> "CarrierAnswer":
        """Return the carrier's answer to one request for several numbers. Raise CarrierError on failure."""

    @abstractmethod
    def read(self, answer: "CarrierAnswer", parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """Return what the answer says about each parcel. Raise CarrierError if it says nothing about any."""

    def refuses_a_number(self, answer: "CarrierAnswer") -> bool:
        """Return whether the carrier rejected the whole request because of a fault that one number may have."""
        return answer.status == 400  # noqa: PLR2004 - Bad Request

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what the carrier knows of a parcel now. Raise CarrierError on failure."""
        return only(await self.poll_many([Parcel(tracking_number, facts)]))

    async def poll_many(self, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """See ``BatchSource``. A request that is rejected because of one number is halved until that one is alone.

        Raise the error if ``MOST_ALONE`` are rejected alone and none is accepted: then it is not because of a number,
        and each further one would cost a call.
        """
        found: list[Update | CarrierError] = []
        waiting = [parcels]
        while waiting:
            some = waiting.pop()
            answer = await self.call([parcel.tracking_number for parcel in some])
            self._split_calls += some is not parcels
            if len(some) > 1 and self.refuses_a_number(answer):
                half = len(some) // 2
                waiting += [some[half:], some[:half]]
                continue
            try:
                found += await aside(partial(self.read, answer, some), size=len(answer.body))
            except CarrierUnavailable as error:
                accepted = any(isinstance(one, Update) for one in found)
                if len(some) > 1 or some is parcels or not (accepted or len(found) < MOST_ALONE):
                    raise
                found.append(error)
        return found


def check_base_url(text: str, *, setting: str) -> str:
    """Return a carrier's base URL without a final slash. Raise InvalidInput with the setting if it can't be used.

    Plain http is allowed for this machine only: the key is sent with every request.
    """
    try:
        target = parse_target(text, ports=_ANY_PORT)
    except InvalidInput as error:
        raise InvalidInput(setting, error.message) from None
    if "?" in target.url:
        raise InvalidInput(setting, "must not have a query")
    if target.scheme == "http" and not _is_this_machine(target.host):
        raise InvalidInput(setting, "must begin with https://, or the key could be read in transit")
    return target.url.rstrip("/")


def check_key(text: str, *, setting: str) -> str:
    """Return an API key unchanged. Raise InvalidInput with the setting if no header can contain it."""
    if not _KEY.fullmatch(text):
        raise InvalidInput(setting, "must be 1 to 200 printable ASCII characters without spaces")
    return text


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
