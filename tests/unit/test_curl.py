"""A command for a terminal: whatever stands in a URL, a header or a body is one plain word of it."""

import subprocess

from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.examples import examples
from waypost.portal.curl import command

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


SHELL = "curl() { printf '%s\\0' \"$@\"; }\n"
"""What stands for curl: it tells its words."""


@examples(40)
@given(url=TEXTS, name=TEXTS, value=TEXTS, body=TEXTS)
@example(url="https://a.test/'$(touch /tmp/x)`id`", name="x", value="'; rm -rf ~ #", body='{"a": "it\'s"}')
@example(url="https://a.test/\\\n", name="x", value="a\\", body="@/etc/passwd")
def test_every_part_comes_through_the_shell_as_it_is(url: str, name: str, value: str, body: str) -> None:
    script = SHELL + command(url, [(name, value)], body.encode())

    told = subprocess.run(["/bin/sh"], input=script.encode(), capture_output=True, check=True).stdout

    assert told.decode().split("\0")[:-1] == [
        *("--globoff", "--include", "--request", "POST"),
        *("--header", f"{name}: {value}", "--data-raw", body, "--url", url),
    ]
