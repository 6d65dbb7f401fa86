"""The image that `make images` built works with a read-only root file system, without privileges and as its own user.

PODMAN names the command and its options, such as another place of the images.
"""

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest

IMAGE = "localhost/waypost"
PODMAN = shlex.split(os.environ.get("PODMAN", "podman --log-level error"))
NAME = f"waypost-test-{os.getpid()}"
LOCKED_DOWN = (
    *("--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),  # noqa: S108 - inside
    *("--security-opt", "no-new-privileges", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"),
)
READY_SECONDS = 60.0
RECEIVER = """
import http.server, json, sys, threading, urllib.request
came = threading.Event()
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"])); self.send_response(200); self.end_headers(); came.set()
server = http.server.HTTPServer(("127.0.0.1", 3000), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
def call(path, body):
    headers = {"tracking-api-key": sys.argv[1]}
    request = urllib.request.Request("http://127.0.0.1:8080" + path, json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request))
call("/v1/endpoints", {"url": "http://127.0.0.1:3000/hook"})
scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "Out for delivery"}
update = {"tracking_number": "A1", "courier_code": "dhl", "create": True, "checkpoints": [scan]}
call("/v1/updates", {"updates": [update]})
print("received", came.wait(30))
"""

pytestmark = pytest.mark.faults


def podman(*arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PODMAN, *arguments], check=check, capture_output=True, text=True, input=stdin)


@pytest.fixture
def container() -> Iterator[str]:
    """A container that runs `serve`, ready."""
    if shutil.which(PODMAN[0]) is None or podman("image", "exists", IMAGE, check=False).returncode != 0:
        pytest.skip("there is no podman with the image: run `make images`")
    opened = ("--env", "WAYPOST_EGRESS_ALLOW=127.0.0.0/8", "--env", "WAYPOST_EGRESS_PORTS=+3000")
    podman("run", "--detach", "--name", NAME, *LOCKED_DOWN, *opened, IMAGE)
    try:
        until = time.monotonic() + READY_SECONDS
        while podman("healthcheck", "run", NAME, check=False).returncode != 0:
            assert time.monotonic() < until, podman("logs", NAME).stderr
        yield NAME
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            podman("rm", "--force", "--volumes", NAME)


def test_the_image_delivers_backs_up_and_stops_cleanly(container: str) -> None:
    inside = ("exec", "--interactive", container)
    account = ("waypost", "account", "create", "--email", "a@shop.example", "--name", "A", "--password-stdin", "--json")
    key = json.loads(podman(*inside, *account, stdin="correct horse").stdout)["api_key"]

    assert podman(*inside, "python", "-", key, stdin=RECEIVER).stdout == "received True\n"
    assert podman(*inside, "id", "--user").stdout == "10001\n"
    assert podman(*inside, "touch", "/opt/waypost/file", check=False).returncode != 0
    assert "1 parcel and 1 event" in podman(*inside, "waypost", "backup", "/var/lib/waypost/monday").stdout
    podman("stop", "--time", "60", container)
    assert podman("inspect", "--format", "{{.State.ExitCode}}", container).stdout == "0\n"
    assert '"event": "server_stopped"' in podman("logs", container).stderr
