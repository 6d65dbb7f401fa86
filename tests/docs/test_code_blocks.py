"""The code in README and the documentation is run in a shell against a real server, in its language, or parsed."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from examples.demo.ports import free_port
from tests.support.code_blocks import (
    COMMANDS,
    README,
    RUN,
    TUTORIAL,
    Block,
    CodeFailed,
    Page,
    blocks,
    check_json,
    of_page,
    snippets,
)
from tests.support.documentation import ROOT, rows
from tests.support.embedded import open_place
from tests.support.hooks import Hooks, receiving_hooks
from tests.support.people import make_account
from tests.support.serving import LOOPBACK, Serving, serving
from waypost.settings import read_settings

EMAIL = "shop@example.com"
MOST_NOT_RUN = 0.1
SCAN = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "Out for delivery"}
PROGRAM_OF = {"node": "node", "php": "php", "go": "go", "ruby": "ruby", "java": "java", "csharp": "dotnet"}


def runs_in_a_shell(block: Block) -> bool:
    """Return whether a block runs here, in its page's shell; the test of all languages runs the snippets."""
    if block.not_run or block.run_elsewhere:
        return False
    return block.language in (*COMMANDS, "python") or "file" in block.said


def pages() -> list[Page]:
    """Return the pages with code to run."""
    mine = [block for block in blocks() if runs_in_a_shell(block)]
    return [Page(name, tuple(group)) for name, group in groupby(mine, key=lambda block: block.page)]


def of_language(language: str) -> list[Block]:
    return [block for block in blocks() if block.language == language and block.not_run is None]


every = pytest.mark.parametrize


@dataclass
class Shop:
    """The server that replaces the pages' placeholders."""

    server: Serving
    hooks: Hooks
    key: str
    endpoint: str


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Run the server that all pages share, with an account that has an endpoint and a delivered webhook."""
    with serving(WAYPOST_HTTP_TIMEOUT_SECONDS="3") as server, receiving_hooks() as hooks:
        server.start()
        key = make_account(server.data_dir, EMAIL)
        api = server.site(key)
        endpoint = api.post("/v1/endpoints", {"url": f"{hooks.url}/seeded"})
        update = {"tracking_number": "SHOWN1", "courier_code": "dhl", "create": True, "checkpoints": [SCAN]}
        api.post("/v1/updates", {"updates": [update]})
        hooks.wait_for("/seeded")
        yield Shop(server, hooks, key, endpoint["id"])


@every("page", pages(), ids=lambda page: page.name)
def test_the_code_of_a_page_runs_in_a_new_shell_and_prints_what_the_page_shows(shop: Shop, page: Page) -> None:
    follow(page, shop, "bash")


def test_the_tutorial_can_be_followed_in_zsh(shop: Shop) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    [tutorial] = [page for page in pages() if page.name == TUTORIAL]

    follow(tutorial, shop, "zsh")


@every("page", [page for page in pages() if page.starts_a_server], ids=lambda page: page.name)
def test_a_wait_for_the_server_ends_when_the_server_has_died(shop: Shop, page: Page) -> None:
    with pytest.raises(CodeFailed, match=r"ended with [1-9]"):  # a wait without an end is killed: -9
        follow(page, shop, "bash", {"waypost serve": "waypost no-such-command"})


def follow(page: Page, shop: Shop, shell: str, also_replaced: Mapping[str, str] = MappingProxyType({})) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    place = shop.server.url.removeprefix("http://")
    variables = {**LOOPBACK, "WAYPOST_DATA_DIR": str(shop.server.data_dir)}
    if page.starts_a_server:
        port = free_port()
        place = f"127.0.0.1:{port}"
        variables |= {"WAYPOST_PORT": str(port)}
    replaced = {
        "127.0.0.1:8080": place,
        "https://shop.example": shop.hooks.url,
        "8088": str(free_port()),
        "8090": str(free_port()),
        "wk_live_YOUR_KEY": shop.key,
        "ep_YOUR_ENDPOINT": shop.endpoint,
    }

    with open_place() as folder:
        if page.starts_a_server:  # the default data directory depends on the user
            variables["WAYPOST_DATA_DIR"] = str(folder / "data")
        page.run(folder, {**replaced, **also_replaced}, shell=shell, **variables)


def test_the_headers_that_the_guide_names_are_those_of_a_webhook(shop: Shop) -> None:
    named = {name for cell, *_ in rows("webhooks/specifications.md") for name in re.findall("`([a-z-]+)`", cell)}

    webhook, *_ = shop.hooks.wait_for("/seeded")

    sent = set(webhook.headers) - {"host", "content-length", "accept", "accept-encoding"}
    assert sent == {name for name in named if "-" in name or name in ("timestamp", "signature")} - {"waypost-test"}


@every("block", of_language("json"), ids=lambda block: block.name)
def test_json_blocks_are_valid_and_webhooks_match_their_schema(block: Block) -> None:
    check_json(block.text)


@every("block", of_language("toml"), ids=lambda block: block.name)
def test_toml_blocks_are_valid_settings(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WAYPOST_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    Path("waypost.toml").write_text(block.text, encoding="utf-8")

    assert read_settings({}).model_fields_set


def test_at_most_one_code_block_in_ten_is_not_run(record_property: Callable[[str, Any], None]) -> None:
    left = {block.name: why for block in blocks() if (why := reason_not_to_run(block))}

    record_property("code blocks", {"all": len(blocks()), "not run": left})
    chosen = [block.name for block in blocks() if block.not_run]
    assert len(chosen) <= MOST_NOT_RUN * len(blocks()), chosen


def test_a_block_that_is_run_elsewhere_names_a_test() -> None:
    named = {block.said["run-by"] for block in blocks() if "run-by" in block.said}

    assert [name for name in named if not (ROOT / name).is_file()] == []


def reason_not_to_run(block: Block) -> str | None:
    """Return why a block is not run here; None if it is run. Fail for a block that no test can run."""
    if block.text in snippets():
        program = PROGRAM_OF.get(block.language)
        return f"{program} is not installed" if program and shutil.which(program) is None else None
    known = block.run_elsewhere or block.not_run or block.language in RUN or "file" in block.said
    assert known, f"nobody knows how to run {block.name}"
    return block.not_run or ("curl is not installed" if needs_curl(block) else None)


def needs_curl(block: Block) -> bool:
    return block.language in COMMANDS and shutil.which("curl") is None


@every(
    ("text", "problem"),
    [
        ("```sh\nfalse\n```\n", "ended with 1"),
        ("```console\n$ echo one\ntwo\n```\n", "the answer is"),
        ("```python\nraise SystemExit(3)\n```\n", "ended with 3"),
        ('```sh file="a.txt"\nx\n```\n\n```console\n$ cat a.txt\ny\n```\n', "the answer is"),
    ],
)
def test_code_that_fails_or_prints_something_else_is_detected(text: str, problem: str) -> None:
    page = Page(README, tuple(of_page(README, text)))

    with open_place() as folder, pytest.raises(CodeFailed, match=problem):
        page.run(folder, {})
