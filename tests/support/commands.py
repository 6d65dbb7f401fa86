"""Commands of `waypost` in this process, to test their output: a separate process would take half a second."""

import contextlib
import io
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import structlog

from tests.support.serving import environment
from waypost.cli import main


def call_waypost(*arguments: str, stdin: str | bytes = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command as `serving.run_waypost` does, but in this process. Not beside a running event loop."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True) for _ in range(2))
    with _surroundings(environment(**settings)), tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        sys.stdin = io.TextIOWrapper(io.BytesIO(given), "utf-8", "surrogateescape")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(arguments)
    return subprocess.CompletedProcess(arguments, code, *(_text(one) for one in (out, err)))


@contextlib.contextmanager
def _surroundings(variables: dict[str, str]) -> Iterator[None]:
    """Set the environment for the block; at its end bring back it, standard input, and how lines are logged."""
    before, stdin = dict(os.environ), sys.stdin
    configured, root = structlog.get_config(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        sys.stdin = stdin
        structlog.configure(**configured)
        root.handlers[:] = handlers
        root.setLevel(level)


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
