"""Pushes what services know of the parcels that are registered there, each step once it is visible."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from examples.carriers.formats.service import Service, Target, Webhook
from examples.carriers.stand_in import Mood, StandIn

LOOK_SECONDS: Final = 0.2
_TIMEOUT_SECONDS: Final = 10


class Pushing:
    """Pushes for services; one that is silent pushes nothing, and a push that fails is sent again."""

    def __init__(self, stand_ins: Iterable[StandIn]) -> None:
        self._stand_ins = [one for one in stand_ins if isinstance(one.form, Service)]
        self._pushed: dict[tuple[StandIn, str], int] = {}

    async def serve(self, ended: asyncio.Event) -> None:
        """Push until ``ended`` is set."""
        while not ended.is_set():
            await self.run_once()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await ended.wait()

    async def run_once(self) -> int:
        """Push every step that is visible and was not pushed yet; return how many were accepted."""
        return sum([await self._push(one) for one in self._stand_ins if one.mood is not Mood.SILENT])

    async def _push(self, one: StandIn) -> int:
        form, done = one.form, 0
        assert isinstance(form, Service)  # noqa: S101 - the others were left out
        for number in [number for number in form.followed if number not in form.stopped]:
            sight, stage = one.fleet.look(number)
            if sight is None or stage is None or self._pushed.get((one, number)) == stage or not form.targets:
                continue
            sent = [await asyncio.to_thread(_send, to, form.push(sight, to.secret)) for to in form.targets]
            if all(sent):
                self._pushed[one, number] = stage
                one.fleet.served(number, stage)
                done += 1
        return done


def _send(target: Target, webhook: Webhook) -> bool:
    request = Request(target.url, webhook.body, webhook.headers, method="POST")  # noqa: S310 - typed by whoever runs it
    try:
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - an http URL from the command line
            return bool(answer.status // 100 == 2)  # noqa: PLR2004 - the class of success
    except (HTTPError, URLError, TimeoutError):
        return False
