"""What a carrier is to the rest of Waypost: what a shop must know to connect it, and how it is opened."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.resources import files
from ipaddress import ip_address
from typing import TYPE_CHECKING, ClassVar, Final, cast

import msgspec

from waypost.domain.budget import Budget
from waypost.domain.carriers import CarrierError, CarrierSource, Parcel
from waypost.domain.errors import InvalidInput
from waypost.domain.targets import Ports, parse_target
from waypost.domain.trackings import Update
from waypost.sources.answers import only

if TYPE_CHECKING:  # settings and pages read what a carrier is without loading an HTTP client
    from waypost.sources.http import CarrierAnswer, CarrierHttp

_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_ANY_PORT: Final = Ports.parse("1-65535")


class Field(msgspec.Struct, frozen=True):
    """One thing that a shop fills in to connect a carrier.

    ``label`` is the word of the carrier's own console, where the shop copies the value from. A ``secret`` is never
    shown again. One that is not ``required`` may be left out.
    """

    name: str
    label: str
    secret: bool = True
    required: bool = True
    hint: str = ""


class Carrier(msgspec.Struct, frozen=True):
    """A carrier that can be asked with a shop's own credentials.

    ``name`` is the folder's, with ``-`` for ``_``; ``title`` what people call it. ``courier_codes`` are those it
    answers for. ``base_url`` is where it answers; only the operator may name another place, an account never.
    ``budget`` is what its own documents grant a new credential. ``probe_number`` is a number that is asked for to try a
    credential without anybody's parcel, where no token is given out. ``source`` is the class of its ``client`` module.
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
    def heading(self) -> str:
        """The heading of its chapter in the documentation: the first line of its ``doc.md``."""
        text = (files(self.package) / "doc.md").read_text(encoding="utf-8")
        return text.partition("\n")[0].removeprefix("# ")

    def check(self, credentials: Mapping[str, str]) -> dict[str, str]:
        """Return the credentials without space around them; InvalidInput that names the field that is wrong."""
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
        """Return the budget with what a connection's settings say that the carrier granted its credential."""
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
        kind = cast("type[AskedCarrier]", getattr(import_module(f"{self.package}.client"), self.source))
        source = kind(self, http, credentials, base_url=base_url or self.base_url, budget=budget or self.budget)
        return cast("CarrierSource", source)


class AskedCarrier(ABC):
    """What the sources of all carriers have in common; each adds ``ask``.

    One whose carrier takes several numbers at once derives from ``BatchCarrier``, one that gets tokens from
    ``OAuthCarrier``.
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
        """See ``CarrierSource``: without tokens every call is an ask."""
        return 0

    @abstractmethod
    async def ask(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what the carrier knows of a parcel now; ``facts`` are the shop's. Raises CarrierError."""

    async def probe(self) -> None:
        """Ask for a number of nobody's: that it is not known is a fine answer. Raises CarrierError."""
        await self.ask(self._probe_number, {})


class BatchCarrier(AskedCarrier):
    """A source whose carrier takes several numbers in one call; a ``BatchSource``. It adds ``call`` and ``read``."""

    most_at_once: ClassVar[int]
    _split_calls = 0

    @property
    def extra_calls(self) -> int:
        """See ``CarrierSource``."""
        return super().extra_calls + self._split_calls

    @abstractmethod
    async def call(self, numbers: Sequence[str]) -> "CarrierAnswer":
        """Return the carrier's answer to one question about several numbers. Raises CarrierError."""

    @abstractmethod
    def read(self, answer: "CarrierAnswer", parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """Return what the answer says of each parcel. Raises CarrierError for an answer that says nothing of any."""

    def refuses_a_number(self, answer: "CarrierAnswer") -> bool:
        """Tell whether the carrier refused the whole question for what may be one number's fault."""
        return answer.status == 400  # noqa: PLR2004 - Bad Request

    async def ask(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what the carrier knows of a parcel now. Raises CarrierError."""
        return only(await self.ask_many([Parcel(tracking_number, facts)]))

    async def ask_many(self, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """See ``BatchSource``. A question that is refused for one number's sake is halved until that one is alone."""
        answer = await self.call([parcel.tracking_number for parcel in parcels])
        if len(parcels) == 1 or not self.refuses_a_number(answer):
            return self.read(answer, parcels)
        self._split_calls += 2
        half = len(parcels) // 2
        return [*await self.ask_many(parcels[:half]), *await self.ask_many(parcels[half:])]


def check_base_url(text: str, *, setting: str) -> str:
    """Give a carrier's base URL without a final slash; InvalidInput that names the setting for one that can't be used.

    Plain http is for this machine only: the key travels with every request.
    """
    try:
        target = parse_target(text, ports=_ANY_PORT)
    except InvalidInput as error:
        raise InvalidInput(setting, error.message) from None
    if "?" in target.url:
        raise InvalidInput(setting, "must not have a query")
    if target.scheme == "http" and not _is_this_machine(target.host):
        raise InvalidInput(setting, "must begin with https://, or the key could be read on its way")
    return target.url.rstrip("/")


def check_key(text: str, *, setting: str) -> str:
    """Give an API key back; InvalidInput that names the setting for one that no header can hold."""
    if not _KEY.fullmatch(text):
        raise InvalidInput(setting, "has 1 to 200 printable ASCII characters and no spaces")
    return text


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
