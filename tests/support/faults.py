"""A shop, its server and its ledger during a fault, and the verdict on the received webhooks."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from statistics import median

from examples.demo.site import Site
from tests.support.ledger import Ledger, keeping_ledger
from tests.support.reporter import Reporter, lives, wait_until_settled
from tests.support.serving import Serving, serving

PATHS = ("/one", "/two")


@dataclass(frozen=True)
class Tally:
    """What a fault came to, in deliveries. ``unexplained`` ones came twice although nothing befell them in between.

    ``target`` is the requirement (F1 and F2 of the faults to survive), ``measured`` is for information only.
    """

    fault: str
    runs: int
    accepted: int
    lost: int
    duplicated: int
    unexplained: int
    out_of_order: int
    target: str
    measured: str = ""

    def row(self) -> dict[str, object]:
        return asdict(self)


@dataclass
class Shop:
    """A shop with two endpoints that listens outside the server's processes."""

    server: Serving
    ledger: Ledger
    key: str
    reporter: Reporter = field(default_factory=Reporter)
    befell: list[int] = field(default_factory=list)
    before: set[str] = field(default_factory=set)

    @property
    def api(self) -> Site:
        return self.server.site(self.key)

    def begin(self) -> None:
        """Let what has been accepted so far be judged already."""
        self.before = set(self.reporter.accepted)

    @contextmanager
    def reporting(self, requests: int) -> Iterator[None]:
        """Report this number of times, or until the server does not answer, while the block runs."""
        self.reporter.enough.clear()
        at_work = threading.Thread(target=self.reporter.run, args=[self.api, requests])
        at_work.start()
        try:
            yield
        finally:
            at_work.join()

    def wait_for_more(self, count: int) -> None:
        """Wait until this number of further webhooks has arrived, or reporting has ended because it was rejected."""
        came = len(self.ledger.taken)
        with self.ledger.changed:
            while len(self.ledger.taken) < came + count and not self.reporter.enough.is_set():
                self.ledger.changed.wait(0.05)

    def note_fault(self) -> None:
        """What is sent again from now on was under way when something befell the server."""
        self.befell.append(len(self.ledger.taken))

    def kill(self) -> None:
        """Kill the server and everything that it started."""
        self.server.kill()
        self.ledger.wait_until_left()
        self.note_fault()

    def tally(self, fault: str, runs: int, target: str, measured: str = "") -> Tally:
        """Wait until everything accepted has come and nothing waits, and count what went wrong."""
        accepted = self.reporter.accepted - self.before
        self.ledger.wait_for(accepted)
        wait_until_settled(self.server, self.key)
        counted = counts(self.ledger, accepted, PATHS, self.befell)
        return Tally(fault, runs, *counted, target=target, measured=measured)


def counts(
    ledger: Ledger, accepted: set[str], paths: Sequence[str], befell: list[int]
) -> tuple[int, int, int, int, int]:
    """Count deliveries: accepted, lost, duplicated, unexplained, out of order."""
    came = Counter((one.event, one.endpoint) for one in ledger.taken if one.event in accepted)
    wanted = {(event, path) for event in accepted for path in paths}
    within = [Counter((one.event, one.endpoint) for one in life) for life in lives(ledger, befell)]
    return (
        len(wanted),
        len(wanted - set(came)),
        sum(came.values()) - len(came),
        sum(sum(life.values()) - len(life) for life in within),
        len(ledger.out_of_order()),
    )


def median_and_worst(seconds: Sequence[float]) -> str:
    """Return the median and the worst of the measured values."""
    return f"{median(seconds):.2f} s in the middle, {max(seconds):.2f} s at worst"


@contextmanager
def open_shop(**settings: str) -> Iterator[Shop]:
    """Yield a shop with a running server."""
    with keeping_ledger() as ledger, serving(WAYPOST_RETRY_BASE_SECONDS="0.1", **settings) as server:
        server.start()
        api = server.account()
        for path in PATHS:
            api.post("/v1/endpoints", {"url": ledger.url.rstrip("/") + path})
        yield Shop(server, ledger, api.headers["tracking-api-key"])
