"""Attacks of one account on the others: ``python -m tests.support.attacks NAME URL KEY SECONDS [MORE]``.

It stands for other machines, so it and its receivers are processes of their own with a low priority (``NICE``,
otherwise 10): what they cost delays nobody who measures. It can be paused by SIGSTOP. After SECONDS it prints how many
answers of each status it got.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import httpx
import msgspec

from tests.support.farm import farm
from tests.support.people import PASSWORD

BODY = 4 << 20
WORST_DETAIL = "\ufdfa" * 160  # each becomes 18 characters when it is normalised
SCANS = 200


def scans(count: int, detail: str, day: int = 1) -> list[dict[str, str]]:
    return [
        {
            "checkpoint_date": f"2026-03-{day:02}T{number // 60 % 24:02}:{number % 60:02}:{number // 1440:02}",
            "tracking_detail": f"{number} {detail}",
        }
        for number in range(count)
    ]


def updates(count: int, each: list[dict[str, str]], name: str) -> bytes:
    told = {"courier_code": "dhl", "create": True, "checkpoints": each}
    return msgspec.json.encode({"updates": [{"tracking_number": f"{name}{number}", **told} for number in range(count)]})


def worst_body(detail: str, least: int = 20) -> bytes:
    """Return the largest body that is taken: as many updates as fit, each with as many scans as it may have."""
    each = scans(SCANS, detail)
    count = least
    while len(body := updates(count, each, "W")) < BODY and count < 1_000:
        count = min(max(count + 1, count * BODY // len(body)), 1_000)
    while len(body) > BODY:
        count -= 1
        body = updates(count, each, "W")
    return body


class Attack:
    """Calls of one attacker until the time is over."""

    def __init__(self, client: httpx.AsyncClient, seconds: float, more: str) -> None:
        self.client = client
        self.until = time.monotonic() + seconds
        self.more = more
        self.answers: Counter[str] = Counter()
        self.token = ""

    async def at_once(self, count: int, call: Callable[[int], Awaitable[httpx.Response]]) -> None:
        async def go_on(number: int) -> None:
            while time.monotonic() < self.until:
                try:
                    self.answers[str((await call(number)).status_code)] += 1
                except httpx.HTTPError as error:
                    self.answers[type(error).__name__] += 1

        await asyncio.gather(*(go_on(number) for number in range(count)))

    def report(self, body: bytes) -> Awaitable[httpx.Response]:
        return self.client.post("/v1/updates", content=body)

    async def worst_texts(self) -> None:
        body = worst_body(WORST_DETAIL)
        await self.at_once(2, lambda _number: self.report(body))

    async def many_short_scans(self) -> None:
        body = worst_body("a. a.")
        await self.at_once(2, lambda _number: self.report(body))

    async def thousands_of_updates(self) -> None:
        bodies = [updates(1_000, scans(1, "Departed", day), f"M{day}") for day in range(1, 7)]
        await self.at_once(6, lambda number: self.report(bodies[number]))

    async def large_parcel(self) -> None:
        """Keep a parcel of the maximum size moving, deliver its events, and read it in every way there is."""
        with farm() as ports:
            await self.client.post("/v1/endpoints", json={"url": f"http://127.0.0.1:{ports['well']}/"})
            await self.move_and_read()

    async def move_and_read(self) -> None:
        for number in range(10):
            made = await self.report(updates(1, scans(SCANS, "Departed from the depot of " * 20, number + 1), "L"))
        tracking = made.json()["results"][0]["tracking_id"]
        link = (await self.client.get(f"/v1/trackings/{tracking}")).json()["tracking_link"]
        await self.sign_in("a@example.com", PASSWORD)
        paths = (
            *("/v1/events?limit=200", "/v1/events?limit=50", f"/v1/trackings/{tracking}", "/v1/deliveries?limit=100"),
            *("/v4/trackings/get", "/v4/trackings/get?tracking_numbers=L0"),
            *("/trackings", f"/trackings/{tracking}", "/trackings/export.csv", "/track/" + link.rsplit("/", 1)[1]),
            "/developer/webhooks/history",
        )
        number = 0

        def call(worker: int) -> Awaitable[httpx.Response]:
            nonlocal number
            number += 1
            if worker < len(paths):
                return self.client.get(paths[worker])
            return self.report(updates(1, scans(1, f"Seen for the {number}th time", 27), "L"))

        await self.at_once(len(paths) + 4, call)

    async def track_page(self) -> None:
        await self.at_once(4, lambda _number: self.client.get(self.more))

    async def sign_ins(self) -> None:
        await self.sign_in("nobody@example.com", "wrong horse")  # the others share its form
        await self.at_once(60, lambda number: self.sign_in(f"nobody{number}@example.com", "wrong horse"))

    async def sign_in(self, email: str, password: str) -> httpx.Response:
        if not self.token:
            form = (await self.client.get("/login")).text
            self.token = form.split('name="_csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
        given = {"email": email, "password": password, "_csrf_token": self.token}
        return await self.client.post("/login", data=given)

    async def hostile_receivers(self) -> None:
        """Keep many deliveries due at receivers that misbehave in every way there is."""
        with farm() as ports:
            for port in ports.values():
                await self.client.post("/v1/endpoints", json={"url": f"http://127.0.0.1:{port}/"})
            number = 0

            def call(_worker: int) -> Awaitable[httpx.Response]:
                nonlocal number
                number += 1
                return self.report(updates(5, scans(1, "Departed"), f"H{number}-"))

            await self.at_once(2, call)

    async def tests_to_silence(self) -> None:
        with farm() as ports:
            url = f"http://127.0.0.1:{ports['hang']}/"
            endpoint = (await self.client.post("/v1/endpoints", json={"url": url})).json()["id"]
            call = f"/v1/endpoints/{endpoint}/test"
            await self.at_once(300, lambda _number: self.client.post(call, json={"status": "delivered"}))


async def main(name: str, url: str, key: str, seconds: float, more: str) -> None:
    limits = httpx.Limits(max_connections=400)
    async with httpx.AsyncClient(base_url=url, headers={"tracking-api-key": key}, timeout=120, limits=limits) as client:
        attack = Attack(client, seconds, more)
        await getattr(attack, name)()
    sys.stdout.write(", ".join(f"{count} of {answer}" for answer, count in sorted(attack.answers.items())))


if __name__ == "__main__":
    os.nice(int(os.environ.get("NICE", "10")))
    name, url, key, seconds, *more = sys.argv[1:]
    asyncio.run(main(name, url, key, float(seconds), "".join(more)))
