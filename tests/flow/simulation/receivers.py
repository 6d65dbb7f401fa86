"""How endpoints behave: each has a character and responds accordingly at once; response times are virtual."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.flow.simulation.asked import BrokenPromise
from tests.flow.simulation.clock import EPOCH, Clock
from tests.support.transports import Post, StandInTransport
from waypost.dispatch.answers import Answer, Failure
from waypost.dispatch.run import RETRY_AFTER_CODES
from waypost.domain.attempts import Outcome
from waypost.store.vault import Vault

TIMEOUT_SECONDS = 15.0
SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
VAULT = Vault("the key of the simulation")
_JUDGE = Webhook(SECRET)
_OUTCOMES = {
    200: Outcome.SUCCEEDED,
    400: Outcome.HTTP_4XX,
    410: Outcome.HTTP_410,
    429: Outcome.HTTP_429,
    500: Outcome.HTTP_5XX,
    503: Outcome.HTTP_5XX,
}
_DAY = 86_400.0
_RETRY_AFTERS = {
    **dict.fromkeys(("", "soon", "-5", "9" * 40, "Fri, 01 Jan 1999 00:00:00 GMT"), 0.0),
    "0": 0.0,
    "1": 1.0,
    "20": 20.0,
    "90": 90.0,
    "4000": 4000.0,
    "100000": _DAY,
    "Fri, 01 Jan 2100 00:00:00 GMT": _DAY,
}
"""Retry-After values and their seconds: invalid ones are ignored, and none exceeds a day."""


@dataclass(frozen=True)
class Reply:
    """What a receiver did with one request, and how long that took."""

    answer: Answer | Failure
    seconds: float
    asked_to_wait: float = 0.0

    @property
    def took(self) -> bool:
        return self.answer.outcome is Outcome.SUCCEEDED


@dataclass(frozen=True)
class Character:
    """How an endpoint behaves: it fails so often, is slow so often, is down at times, and from some time on is gone."""

    failing: float = 0.0
    slow: float = 0.0
    downs: tuple[tuple[datetime, datetime], ...] = ()
    gone: bool = False
    gone_at: datetime | None = None
    poison: str | None = None

    def is_down(self, at: datetime) -> bool:
        return any(begins <= at < ends for begins, ends in self.downs)


def draw(chance: Random, *, patient: bool, parcels: Sequence[str]) -> Character:
    """Draw a character. One that stays down costs every delivery all its attempts: only where those are few."""
    begins = EPOCH + timedelta(hours=chance.uniform(0, 12))
    ends = begins + timedelta(hours=chance.choice((0.1, 1, 20)))
    return chance.choice(
        (
            Character(failing=0.02),
            Character(failing=0.02),
            Character(failing=0.1, slow=0.8),
            Character(failing=0.5, slow=0.2),
            Character(failing=0.02, downs=((begins, ends),)),
            Character(failing=0.3, gone=True),
            Character(poison=chance.choice(parcels)),
            Character(failing=0.02 if patient else 1.0),
        )
    )


def down_at_first(chance: Random) -> Character:
    """Draw an endpoint that takes nothing for hours."""
    return Character(downs=((EPOCH, EPOCH + timedelta(hours=chance.uniform(15, 30))),))


def draw_for_weeks(chance: Random, *, parcels: Sequence[str]) -> Character:
    """Draw an endpoint whose health changes within two weeks: most of them are down for days."""
    begins = EPOCH + timedelta(days=chance.uniform(0, 1.5))
    ends = begins + timedelta(days=chance.choice((2.5, 3.5, 4.5, 5.5, 7.6, 8.5, 30)))
    again = ends + timedelta(hours=chance.uniform(0.1, 30))
    return chance.choice(
        (
            Character(failing=0.02),
            Character(poison=chance.choice(parcels)),
            Character(failing=0.3, gone=True),
            Character(downs=((begins, ends),)),
            Character(downs=((begins, ends),)),
            Character(failing=0.1, downs=((begins, ends), (again, again + timedelta(days=4)))),
            Character(downs=((begins, ends),), gone_at=begins + timedelta(days=chance.uniform(5, 9))),
        )
    )


@dataclass
class Receivers(StandInTransport):
    """Every endpoint's receiver. ``heard`` is what the last request came to."""

    chance: Random
    clock: Clock
    characters: dict[str, Character]
    heard: Reply | None = None

    async def respond(self, post: Post) -> Answer | Failure:
        """Answer as the endpoint of this URL does, once the signatures were found right by a judge from outside."""
        named = dict(post.headers)
        try:
            _JUDGE.verify(post.body, named)
        except WebhookVerificationError as error:
            raise BrokenPromise(f"a signature is wrong: {error}") from error
        if not hmac.compare_digest(_v4_signature(named["timestamp"]), named["signature"]):
            raise BrokenPromise("the signature of V4 is wrong")
        self.heard = self._reply(self.characters[post.target.url], post.body)
        return self.heard.answer

    def _reply(self, character: Character, body: bytes) -> Reply:
        if character.gone_at is not None and self.clock.now >= character.gone_at:
            return Reply(_answer(410), 0.05)
        if character.poison is not None and f'"{character.poison}"'.encode() in body:
            return Reply(_answer(400), 0.05)
        if character.is_down(self.clock.now) or self.chance.random() < character.failing:
            return self._failure(character)
        seconds = self.chance.uniform(1, TIMEOUT_SECONDS - 1) if self.chance.random() < character.slow else None
        return Reply(_answer(200), self.chance.uniform(0.005, 0.3) if seconds is None else seconds)

    def _failure(self, character: Character) -> Reply:
        if character.gone and self.chance.random() < 0.2:
            return Reply(_answer(410), 0.05)
        kind = self.chance.choice((500, 429, 503, Outcome.TIMED_OUT, Outcome.RESET, Outcome.CONNECT_FAILED))
        if kind is Outcome.TIMED_OUT:
            return Reply(Failure(Outcome.TIMED_OUT), TIMEOUT_SECONDS)
        if isinstance(kind, Outcome):
            return Reply(Failure(kind), self.chance.uniform(0.001, 5))
        text, seconds = self.chance.choice(list(_RETRY_AFTERS.items()))
        asked = seconds if kind in RETRY_AFTER_CODES else 0.0
        return Reply(_answer(kind, retry_after=text), self.chance.uniform(0.005, 2), asked)


def _v4_signature(timestamp: str) -> str:
    return hmac.new(SECRET.encode(), timestamp.encode(), "sha256").hexdigest()


def _answer(status: int, *, retry_after: str = "") -> Answer:
    headers = (("retry-after", retry_after),) if retry_after else ()
    return Answer(_OUTCOMES[status], status, headers, b"", truncated=False)
