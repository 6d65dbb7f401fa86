"""The code of the documentation, run as a reader would: page by page, block by block, in a separate shell.

What follows a block's language says how it is taken: ``file="receiver.py"`` is written instead of run,
``run-by="tests/…"`` is run by another test, and ``not-run="why"`` is left alone.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from tests.support.documentation import FILES, FOLDER, READER, ROOT
from tests.support.serving import environment
from waypost.payloads import schemas
from waypost.portal.snippets import LANGUAGES, Way, snippet

README = "README.md"
TUTORIAL = "docs/tutorial/first-parcel.md"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
"""A new terminal on Debian: python3 but no python, and no virtual environment."""

SECONDS = 120

COMMANDS = ("sh", "console")
RUN = frozenset({*COMMANDS, "python", "json", "toml"})
SHOWN = frozenset({"text"})
"""ASCII pictures and output: nothing to run."""


class CodeFailed(AssertionError):
    """A page's code does not do what the page says."""


@dataclass(frozen=True)
class Block:
    """A block of code: its page, its number there, its language, its attributes, its text."""

    page: str
    number: int
    language: str
    said: Mapping[str, str]
    text: str

    @property
    def name(self) -> str:
        return f"{self.page}, block {self.number} ({self.language})"

    @property
    def not_run(self) -> str | None:
        return self.said.get("not-run")

    @property
    def run_elsewhere(self) -> bool:
        return "run-by" in self.said or self.text in snippets()


@cache
def blocks() -> tuple[Block, ...]:
    """Return every block of code in README and the documentation; ASCII pictures do not count."""
    pages = {README: ROOT / README} | {f"docs/{file}": FOLDER / file for file in FILES}
    return tuple(block for page, path in pages.items() for block in of_page(page, path.read_text("utf-8")))


def of_page(page: str, text: str) -> Iterator[Block]:
    found = [token for token in READER.parse(text) if token.type in ("fence", "code_block")]
    for number, token in enumerate(found, start=1):
        language, _, rest = token.info.partition(" ")
        if language not in SHOWN:
            said = dict(re.findall(r'([a-z-]+)="([^"]*)"', rest))
            yield Block(page, number, language, said, token.content)


@cache
def snippets() -> frozenset[str]:
    """Return the texts that tests/contract/test_snippets.py runs in their languages."""
    return frozenset(snippet(language.key, way) for language in LANGUAGES for way in Way)


@dataclass(frozen=True)
class Page:
    """A page's blocks that a shell can run, and how they are run."""

    name: str
    blocks: tuple[Block, ...]

    @property
    def starts_a_server(self) -> bool:
        return any("waypost serve" in block.text for block in self.blocks)

    def run(self, folder: Path, replaced: Mapping[str, str], *, shell: str = "bash", **variables: str) -> None:
        """Run the page in a folder, in a new shell that has ``variables`` and what the page itself sets.

        Raises CodeFailed with the output when a block fails or prints something else than the page shows.
        """
        (folder / ".venv").symlink_to(Path(sys.prefix))
        (folder / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")  # a refusal ends the page
        script = folder / ".page.sh"
        script.write_text(_with(_script(self.blocks), replaced), encoding="utf-8")
        log = folder / ".page.log"
        given = environment(
            **variables,
            PATH=SYSTEM_PATH,
            PYTHONPATH=str(ROOT / "src"),
            NO_COLOR="1",
            CURL_HOME=str(folder),
            HOME=str(folder),
        )
        code = _run((shell, "-eu", script.name), folder, given, log)
        if code:
            raise CodeFailed(f"{self.name} ended with {code}:\n{log.read_text('utf-8', 'replace')[-3000:]}")
        for number, shown in enumerate(_shown(self.blocks)):
            _compare(self.name, _with(shown, replaced), (folder / f".shown.{number}").read_text("utf-8", "replace"))


def _run(command: Sequence[str], folder: Path, given: Mapping[str, str], log: Path) -> int:
    """Run a shell, stop what it leaves in the background, and return its exit status when all of that has ended."""
    ends, held = os.pipe()
    with log.open("wb") as output, os.fdopen(ends, "rb", buffering=0) as all_ended:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=given,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(held,),
            start_new_session=True,
        )
        os.close(held)
        try:
            code = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        all_ended.read(1)  # nobody writes: it returns when the last process that inherited the other end is gone
    return code


def _with(text: str, replaced: Mapping[str, str]) -> str:
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text


def _script(blocks: tuple[Block, ...]) -> str:
    shown = iter(range(sys.maxsize))
    lines: list[str] = []
    for block in blocks:
        lines.append(f"echo {shlex.quote(f'== {block.name}')}")
        if file := block.said.get("file"):
            lines.append(f"cat > {shlex.quote(file)} <<'END OF BLOCK'\n{block.text}END OF BLOCK")
        elif block.language == "python":
            lines.append(f"{shlex.quote(sys.executable)} - <<'END OF BLOCK'\n{block.text}END OF BLOCK")
        elif block.language == "sh":
            lines.append(block.text)
        else:
            lines += [f"{{ {command}\n}} > .shown.{next(shown)} 2>&1" for command, _ in _dialogue(block)]
    return "\n".join(lines) + "\n"


def _shown(blocks: tuple[Block, ...]) -> Iterator[str]:
    for block in blocks:
        if block.language == "console":
            yield from (answer for _, answer in _dialogue(block))


def _dialogue(block: Block) -> Iterator[tuple[str, str]]:
    """Return the commands of a console block, each with its shown output."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command = re.match(r"(?:.*[\\|]\n)*.*\n", part)
        assert command is not None
        yield command[0].rstrip("\n"), part[command.end() :]


def _compare(page: str, shown: str, answered: str) -> None:
    """Hold an answer against what the page shows of it, where … stands for anything."""
    wanted = ".*?".join(re.escape(piece) for piece in shown.strip().split("…"))
    if not re.fullmatch(wanted, answered.strip(), flags=re.DOTALL):
        raise CodeFailed(f"{page} shows\n{shown}\nbut the answer is\n{answered[:2000]}")


def check_json(text: str) -> None:
    """Parse JSON, and hold a webhook's body against the schema of its version."""
    body: Any = json.loads(text)
    match body:
        case {"meta": _, "data": _, "verifyInfo": _}:
            version = "V2"
        case {"code": _, "data": _, "verify": _}:
            version = "V3"
        case {"code": _, "message": _, "data": _}:
            version = "V4"
        case _:
            return
    jsonschema.validate(body, json.loads(schemas.load(version)))
