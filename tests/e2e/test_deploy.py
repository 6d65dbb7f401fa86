"""What `deploy/` holds is what it says, as far as this machine has the programs that judge it."""

import contextlib
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.demo.ports import free_port
from tests.support.certificates import Authority, make_authority, pem_as
from tests.support.documentation import ROOT
from tests.support.embedded import open_place
from tests.support.people import make_account
from tests.support.serving import Serving, serving
from tools.documentation.metrics import metrics

DEPLOY = ROOT / "deploy"
SITE = "tracking.example.com"
READY_SECONDS = 30
LOOK_SECONDS = 0.05
IMAGE_FACTS = ("EXPOSE", "USER", "WORKDIR")
UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir())


def judge(*command: str | Path) -> str:
    """Return what a program says of a file; skip without the program."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed")
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=DEPLOY)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_hardened(unit: str) -> None:
    command = ("systemd-analyze", "security", "--offline=yes", "--threshold=30", "--no-pager")

    judge(*command, DEPLOY / "systemd" / unit)


def test_the_rules_of_prometheus_fire_when_they_should() -> None:
    judge("promtool", "check", "rules", "monitoring/alerts.yaml")
    judge("promtool", "test", "rules", "monitoring/alerts.test.yaml")


def test_rules_and_dashboard_use_metrics_that_exist() -> None:
    dashboard = json.loads((DEPLOY / "monitoring" / "dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    text = " ".join([*queries, (DEPLOY / "monitoring" / "alerts.yaml").read_text()])

    assert set(re.findall(r"\bwaypost_\w+", text)) <= {one.name for one in metrics()}


def test_the_firewall_is_valid() -> None:
    rules = (DEPLOY / "firewall" / "waypost.nft").read_text()
    with tempfile.NamedTemporaryFile("w", suffix=".nft") as file:
        file.write(rules.replace('"waypost"', '"root"'))  # a user of this machine
        file.flush()
        judge("nft", "--check", "--file", file.name)


def test_what_the_containers_are_built_from_is_there() -> None:
    sources = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "container" / "Dockerfile").read_text(), re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text().split()

    names = [name for line in sources for name in line.split()]
    assert all((ROOT / name).exists() and f"!{name}" in ignored for name in names)
    for mounted in re.findall(r'"(\.\./[^:"]+):', (DEPLOY / "container" / "compose.yaml").read_text()):
        assert (DEPLOY / "container" / mounted).is_file()


def test_the_compose_files_use_the_images_port_user_and_folder() -> None:
    dockerfile, single, several = (
        (DEPLOY / "container" / name).read_text() for name in ("Dockerfile", "compose.single.yaml", "compose.yaml")
    )

    port, user, folder = (re.findall(rf"^{word} (\S+)$", dockerfile, re.MULTILINE)[-1] for word in IMAGE_FACTS)

    assert re.findall(r"ports: \[\"127\.0\.0\.1:\d+:(\d+)\"\]", single) == [port]
    assert re.findall(r"volumes: \[data:(\S+)\]", single) == [folder]
    assert re.findall(r"UPSTREAM: \"waypost:(\d+)\"", several) == [port]
    assert re.findall(r"WAYPOST_DATA_DIR=(\S+)/data", dockerfile) == [folder]
    assert f"--owner={user} --group={user} --mode=0700 {folder}" in dockerfile
    assert "pg_isready, --host=127.0.0.1," in several  # one in preparation is ready on its socket
    for text in (single, several):
        assert "read_only: true" in text
        assert "cap_drop: [ALL]" in text
        assert "user:" not in text  # the image's


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving(WAYPOST_PUBLIC_URL=f"https://{SITE}", WAYPOST_TRUSTED_PROXIES="127.0.0.1/32") as server:
        server.start()
        yield server


@contextmanager
def behind(proxy: str, *arguments: str, server: Serving) -> Iterator[httpx.Client]:
    """Run a proxy in front of the server, on loopback and with a certificate of its own; yield a client of it."""
    if shutil.which(proxy) is None:
        pytest.skip(f"{proxy} is not installed")
    port, authority = free_port(), make_authority()
    with open_place() as place:
        (place / "site.pem").write_bytes(pem_as(authority, SITE))
        for source in (DEPLOY / "proxy").iterdir():
            (place / source.name).write_text(here(source.read_text(), place, port, server))
        (place / "outer.conf").write_text(
            f"daemon off; pid {place}/pid; error_log stderr; events {{}} http {{ access_log off; include nginx.conf; }}"
        )
        home = {"PATH": os.environ["PATH"], "HOME": str(place)}
        with (place / "log").open("wb") as log:
            process = subprocess.Popen([proxy, *arguments], cwd=place, env=home, stdout=log, stderr=log)
        try:
            with site(port, authority) as client:
                wait_for(client, process, place / "log")
                yield client
        finally:
            process.terminate()
            process.wait(READY_SECONDS)


def here(text: str, place: Path, port: int, server: Serving) -> str:
    """Return a proxy's configuration with the ports and files of this test."""
    upstream = server.url.removeprefix("http://")
    replaced = {
        f"{{$SITE:{SITE}}}": f"https://{SITE}:{port}",
        "{$UPSTREAM:127.0.0.1:8080}": upstream,
        "127.0.0.1:8080": upstream,
        "listen 443": f"listen {port}",
        '":443"': f'"127.0.0.1:{port}"',
        f"/etc/ssl/{SITE}.pem": str(place / "site.pem"),
        f"/etc/ssl/{SITE}.key": str(place / "site.pem"),
        "\t# Probes and metrics": "\ttls site.pem site.pem\n\t# Probes and metrics",
    }
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text


@contextmanager
def site(port: int, authority: Authority) -> Iterator[httpx.Client]:
    trusted = ssl.create_default_context(cadata=authority.pem.decode())
    with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusted, headers={"host": SITE}) as client:
        yield client


def wait_for(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        try:
            ask(client, "/login")
        except httpx.TransportError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_SECONDS)
                break
        else:
            return
    raise AssertionError(log.read_text(errors="replace")[-2000:])


def ask(client: httpx.Client, path: str, **options: Any) -> httpx.Response:
    return client.request(options.pop("method", "GET"), path, extensions={"sni_hostname": SITE}, **options)


PROXIES = {
    "caddy": ("caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"),
    "nginx": ("nginx", "-p", ".", "-c", "outer.conf"),
    "traefik": ("traefik", "--configfile=traefik.yaml"),
}


@pytest.mark.parametrize("command", PROXIES.values(), ids=PROXIES)
def test_a_proxy_serves_the_site_and_keeps_probes_inside(server: Serving, command: tuple[str, ...]) -> None:
    key = make_account(server.data_dir, f"{command[0]}@shop.example")
    with behind(*command, server=server) as client:
        inside = [ask(client, path).status_code for path in ("/metrics", "/health/ready", "/health/live")]
        headers = {"tracking-api-key": key}
        answer = ask(client, "/v1/endpoints", headers=headers)
        large = ask(
            client, "/v1/updates", method="POST", headers=headers, content=b'{"updates":[' + b" " * 3_000_000 + b"]}"
        )
        cookies = list(client.cookies.jar)

    assert inside == [404, 404, 404]
    assert (answer.status_code, answer.json()["items"]) == (200, [])
    assert large.status_code in (200, 422)
    assert [cookie.secure for cookie in cookies] == [True]
