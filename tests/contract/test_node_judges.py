"""Reference libraries of Standard Webhooks in Node, if ``make judges`` has installed them."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.webhooks import BROUGHT, EVENT, OTHER_SECRET, SECRET, hook
from waypost.receiver import verify
from waypost.signing.standard import standard_secret

JUDGES = Path(__file__).parents[1] / "judges" / "node_modules"
JUDGE = """
require('node:readline').createInterface({ input: process.stdin }).on('line', line => {
  const given = JSON.parse(line)
  const { Webhook } = require(given.library)
  const judge = new Webhook(given.secret)
  try { judge.verify(given.body, given.headers) } catch (error) { return console.log('refused') }
  console.log(judge.sign(given.id, new Date(given.at * 1000), given.body))
})
"""

Ask = Callable[[str, str, bytes, dict[str, str], int], str]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Return a question to a library: its answer is ``refused``, or its own signature of a webhook that it accepts.

    One process answers all questions, because starting it is slow.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here")
    with subprocess.Popen(
        (node, "-e", JUDGE),
        env=os.environ | {"NODE_PATH": str(JUDGES)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as judge:

        def question(library: str, secret: str, body: bytes, headers: dict[str, str], at: int) -> str:
            if not (JUDGES / library).is_dir():
                pytest.skip(f"{library} for Node is not here (make judges)")
            assert judge.stdin is not None
            assert judge.stdout is not None
            given = {"library": library, "secret": standard_secret(secret), "body": body.decode(), "headers": headers}
            print(json.dumps({**given, "id": EVENT, "at": at}), file=judge.stdin, flush=True)
            return judge.stdout.readline().strip()

        yield question


@pytest.mark.parametrize("library", ["standardwebhooks", "svix"])
@pytest.mark.parametrize("secret", [SECRET, BROUGHT])
def test_node_verifies_our_webhooks_and_we_verify_nodes_signatures(ask: Ask, library: str, secret: str) -> None:
    at = int(time.time())
    sent = hook(secret=secret, at=at)

    signature = ask(library, secret, sent.body, sent.headers, at)

    assert signature == sent.headers["webhook-signature"]
    assert verify(sent.body, {**sent.headers, "webhook-signature": signature}, secret).id == EVENT
    assert ask(library, OTHER_SECRET, sent.body, sent.headers, at) == "refused"
    assert ask(library, secret, sent.body.replace(b"200", b"201"), sent.headers, at) == "refused"
