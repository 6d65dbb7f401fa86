"""A curl command for a terminal: any URL, header or body becomes one quoted word."""

import subprocess

from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.examples import examples
from waypost.portal.curl import command

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)

SHELL = "curl() { printf '%s\\0' \"$@\"; }\n"
"""A stand-in for curl that prints its arguments."""


@examples(40)
@given(url=TEXTS, name=TEXTS, value=TEXTS, body=TEXTS)
@example(url="https://a.test/'$(touch /tmp/x)`id`", name="x", value="'; rm -rf ~ #", body='{"a": "it\'s"}')
@example(url="https://a.test/\\\n", name="x", value="a\\", body="@/etc/passwd")
def test_every_part_passes_through_the_shell_unchanged(url: str, name: str, value: str, body: str) -> None:
    script = SHELL + command(url, [(name, value)], body.encode())

    told = subprocess.run(["/bin/sh"], input=script.encode(), capture_output=True, check=True).stdout

    assert told.decode().split("\0")[:-1] == [
        *("--globoff", "--include", "--request", "POST"),
        *("--header", f"{name}: {value}", "--data-raw", body, "--url", url),
    ]
