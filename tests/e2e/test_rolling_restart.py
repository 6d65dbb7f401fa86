"""Every process is restarted, one after the other, behind a proxy that retries: clients do not notice."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import Judge
from tests.e2e.test_failover import installation
from tests.support.embedded import open_place
from tests.support.faults import PATHS, Tally, counts
from tests.support.pair import free_port, wait_until
from tests.support.reporter import wait_until_settled
from tests.support.serving import READY_SECONDS, Program
from tests.support.steady import SteadyShop

pytestmark = [pytest.mark.faults, pytest.mark.alone]
ROLES = ("web", "web", "dispatch", "dispatch", "keep", "keep")
AFTER = 100
"""Updates that are accepted between two restarts."""

PROXY = """
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 5s
    retries 5
    option redispatch 1
    retry-on conn-failure empty-response 503
listen waypost
    bind 127.0.0.1:{port}
    option httpchk
    http-check send meth GET uri /health/ready ver HTTP/1.1 hdr host waypost.internal
    default-server check inter 500ms fall 1 rise 1
{servers}
"""


@contextmanager
def proxy(*webs: Program) -> Iterator[str]:
    """Yield the URL of a proxy in front of these; skip if no proxy is installed."""
    program = shutil.which("haproxy")
    if program is None:
        pytest.skip("HAProxy is not installed")
    port = free_port()
    servers = "\n".join(f"    server web{number} {urlsplit(web.url).netloc}" for number, web in enumerate(webs))
    with open_place() as place:
        settings = Path(place) / "haproxy.cfg"
        settings.write_text(PROXY.format(port=port, servers=servers))
        running = subprocess.Popen(
            [program, "-db", "-f", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.wait()


def test_a_rolling_restart_of_every_role_rejects_loses_and_repeats_nothing(judged: Judge) -> None:
    with installation(*ROLES) as at, proxy(*at.programs[:2]) as url:
        shop = SteadyShop(at.site_at(url))
        wait_until(lambda: shop.site.status("/health/ready") == 200, READY_SECONDS)
        with shop.reporting():
            for role, program in zip(ROLES, at.programs, strict=True):
                shop.wait_for_more(AFTER)
                port = str(urlsplit(program.url).port)
                assert program.stop() == 0
                program.launch(role, port=port)
                program.wait_until_ready()
            shop.wait_for_more(AFTER)
        at.ledger.wait_for_each(set(shop.accepted), [path.strip("/") for path in PATHS])
        wait_until_settled(at.programs[0], at.key)
        counted = counts(at.ledger, set(shop.accepted), PATHS, [])
        refused = sum(shop.refused.values())
        target = "refused 0; lost 0; duplicated 0"
        judged(Tally("F20 rolling restart behind HAProxy", len(ROLES), *counted, target, f"refused {refused}"))
        assert shop.refused == {}
