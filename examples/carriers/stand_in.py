"""One carrier's stand-in: its format, its parcels, and the moods it can be put into."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from examples.carriers.fleet import Fleet, stages
from examples.carriers.formats.format import Format
from examples.carriers.journeys import Sight
from examples.carriers.wire import Reply, Request

_UNAVAILABLE_AT: Final = 15
_LIMITED_EVERY: Final = 40
_LIMITED_SECONDS: Final = 1
_BUSY: Final = 429
_UNAVAILABLE: Final = 503


class Mood(StrEnum):
    """How a stand-in answers.

    normal       as its carrier does
    html         with the page of a proxy
    changed      with fields of other names, in JSON or XML as before
    cut          with the first half of its answer
    redirect     with a redirect to the carrier's web site
    refused      as if it accepted no credential any more
    limited      as if it had been asked too often, with a Retry-After of one second
    unavailable  with the carrier's own 503
    hang         not at all; the connection stays open
    huge         with two gigabytes
    silent       as ever, but a service pushes nothing
    """

    NORMAL = "normal"
    HTML = "html"
    CHANGED = "changed"
    CUT = "cut"
    REDIRECT = "redirect"
    REFUSED = "refused"
    LIMITED = "limited"
    UNAVAILABLE = "unavailable"
    HANG = "hang"
    HUGE = "huge"
    SILENT = "silent"


@dataclass(slots=True)
class Journal:
    """The requests. ``while_limited`` counts those that did not wait as long as Retry-After said.

    ``questions`` are the requests for parcels, ``parcels`` the numbers in them.
    """

    tokens: int = 0
    questions: int = 0
    parcels: int = 0
    refused: int = 0
    limited: int = 0
    unavailable: int = 0
    while_limited: int = 0


@dataclass(slots=True, eq=False)
class StandIn:
    """Answers for one carrier; ``hiccups`` makes it unavailable once and busy now and then.

    More than ``calls_a_second`` are answered with 429, if it is set.
    """

    form: Format
    fleet: Fleet
    now: Callable[[], float]
    hiccups: bool = False
    calls_a_second: int | None = None
    mood: Mood = Mood.NORMAL
    journal: Journal = field(default_factory=Journal)
    _limited_until: float = 0.0
    _second: int = 0
    _this_second: int = 0

    def answer(self, request: Request) -> Reply:
        """Return the answer to a request as the carrier would give it now."""
        if request.path == self.form.token_path and request.method == "POST":
            self.journal.tokens += 1
            return self.form.refusal() if self.mood is Mood.REFUSED else self.form.token(request)
        if self.mood is Mood.REFUSED or not self.form.is_allowed(request):
            self.journal.refused += 1
            return self.form.refusal()
        numbers = self.form.numbers(request)
        if numbers is None:
            return self.form.other(request) or Reply(404, b"There is nothing here.", "text/plain")
        self.journal.questions += 1
        self.journal.parcels += len(numbers)
        return self._trouble() or self._tell(numbers)

    def served(self, reply: Reply) -> None:
        """Note that a reply has left."""
        for number, stage in reply.shown.items():
            self.fleet.served(number, stage)

    def plan(self) -> dict[str, Any]:
        """Return what is going to happen."""
        return {
            "parcels": self.fleet.plan(),
            "expected_events": sum(stages(route) for route in self.fleet.routes),
            "ends_after_seconds": self.fleet.seconds,
        }

    def _tell(self, numbers: list[str]) -> Reply:
        sights: dict[str, Sight | None] = {}
        shown: dict[str, int] = {}
        for number in numbers:
            sights[number], stage = self.fleet.look(number)
            if stage is not None:
                shown[number] = stage
        return _in_mood(replace(self.form.answer(sights), shown=shown), self.mood)

    def _trouble(self) -> Reply | None:
        if self.mood is Mood.UNAVAILABLE or (self.hiccups and self.journal.questions == _UNAVAILABLE_AT):
            self.journal.unavailable += 1
            return self.form.trouble(_UNAVAILABLE)
        if self.now() < self._limited_until:
            self.journal.while_limited += 1
            return self._busy()
        if self._is_too_much():
            self.journal.limited += 1
            self._limited_until = self.now() + _LIMITED_SECONDS
            return self._busy()
        return None

    def _is_too_much(self) -> bool:
        """Return whether this request is one too many: always the same ones with ``hiccups``."""
        if self.mood is Mood.LIMITED or (self.hiccups and self.journal.questions % _LIMITED_EVERY == 0):
            return True
        second = int(self.now())
        self._this_second = self._this_second + 1 if second == self._second else 1
        self._second = second
        return self.calls_a_second is not None and self._this_second > self.calls_a_second

    def _busy(self) -> Reply:
        return replace(self.form.trouble(_BUSY), headers={"retry-after": str(_LIMITED_SECONDS)})


def _in_mood(reply: Reply, mood: Mood) -> Reply:
    """Return an answer as the mood spoils it; ``hang`` and ``huge`` are the server's."""
    match mood:
        case Mood.HTML:
            page = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Proxy</h1></body></html>"
            return Reply(200, page, "text/html")
        case Mood.CHANGED:
            renamed = b"<renewed/>" if b"xml" in reply.content_type.encode() else b'{"renewed": {"parcels": []}}'
            return Reply(reply.status, renamed, reply.content_type)
        case Mood.CUT:
            return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.content_type)
        case Mood.REDIRECT:
            return Reply(302, b"", "text/html", {"location": "https://carrier.example/"})
        case _:
            return reply


def moods(stand_ins: Mapping[str, StandIn]) -> dict[str, str]:
    """Return the mood of each carrier by its name."""
    return {name: one.mood.value for name, one in stand_ins.items()}
