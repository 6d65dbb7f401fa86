"""Reference libraries of Standard Webhooks in Node, if ``make judges`` has installed them."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.webhooks import BROUGHT, EVENT, OTHER_SECRET, SECRET, hook
from waypost.receiver import verify
from waypost.signing.standard import standard_secret

JUDGES = Path(__file__).parents[1] / "judges" / "node_modules"
JUDGE = """
const given = JSON.parse(require('node:fs').readFileSync(0))
const { Webhook } = require(given.library)
const judge = new Webhook(given.secret)
try { judge.verify(given.body, given.headers) } catch (error) { console.log('refused'); process.exit() }
console.log(judge.sign(given.id, new Date(given.at * 1000), given.body))
"""


def ask(library: str, secret: str, body: bytes, headers: dict[str, str], at: int) -> str:
    """Return ``refused``, or the library's own signature of a webhook that it accepts."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here")
    if not (JUDGES / library).is_dir():
        pytest.skip(f"{library} for Node is not here (make judges)")
    given = {"library": library, "secret": standard_secret(secret), "body": body.decode(), "headers": headers}
    ran = subprocess.run(
        (node, "-e", JUDGE),
        input=json.dumps({**given, "id": EVENT, "at": at}),
        env=os.environ | {"NODE_PATH": str(JUDGES)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return ran.stdout.strip()


@pytest.mark.parametrize("library", ["standardwebhooks", "svix"])
@pytest.mark.parametrize("secret", [SECRET, BROUGHT])
def test_node_verifies_our_webhooks_and_we_verify_nodes_signatures(library: str, secret: str) -> None:
    at = int(time.time())
    sent = hook(secret=secret, at=at)

    signature = ask(library, secret, sent.body, sent.headers, at)

    assert signature == sent.headers["webhook-signature"]
    assert verify(sent.body, {**sent.headers, "webhook-signature": signature}, secret).id == EVENT
    assert ask(library, OTHER_SECRET, sent.body, sent.headers, at) == "refused"
    assert ask(library, secret, sent.body.replace(b"200", b"201"), sent.headers, at) == "refused"
