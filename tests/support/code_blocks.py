"""The code of the documentation, run as a reader would: page by page, block after block, in a shell of its own.

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
from collections.abc import Iterator, Mapping
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
SHELL = "/bin/sh"
SECONDS = 120
AT_THE_END = """
end_jobs() {
  code=$?
  jobs -p > .jobs
  while read -r job; do kill "$job" || true; done < .jobs
  wait
  exit "$code"
}
trap end_jobs EXIT
"""
"""What a page leaves running is stopped, and waited for."""

COMMANDS = ("sh", "console")
RUN = frozenset({*COMMANDS, "python", "json", "toml"})
SHOWN = frozenset({"text"})
"""Pictures and answers in letters: nothing that could run."""


class CodeFailed(AssertionError):
    """A page's code does not do what the page says."""


@dataclass(frozen=True)
class Block:
    """A block of code: its page, its number there, its language, what is said of it, its text."""

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
    """Give every block of code of README and the documentation; pictures in letters are none."""
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
    """Give the texts that tests/contract/test_snippets.py runs in their languages."""
    return frozenset(snippet(language.key, way) for language in LANGUAGES for way in Way)


@dataclass(frozen=True)
class Page:
    """A page's blocks that a shell can run, and how they are run."""

    name: str
    blocks: tuple[Block, ...]

    @property
    def starts_a_server(self) -> bool:
        return any("waypost serve" in block.text for block in self.blocks)

    def run(self, folder: Path, replaced: Mapping[str, str], **variables: str) -> None:
        """Run all of it in a folder; raises CodeFailed with what was said when a block fails or answers otherwise."""
        (folder / ".venv").symlink_to(Path(sys.prefix))
        (folder / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")  # a refusal ends the page
        script = folder / ".page.sh"
        script.write_text(_with(_script(self.blocks), replaced), encoding="utf-8")
        log = folder / ".page.log"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        given = environment(
            **variables, PATH=path, PYTHONPATH=str(ROOT / "src"), NO_COLOR="1", CURL_HOME=str(folder), HOME=str(folder)
        )
        with log.open("wb") as said:
            process = subprocess.Popen(
                (SHELL, "-eu", script.name),
                cwd=folder,
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                code = process.wait()
        if code:
            raise CodeFailed(f"{self.name} ended with {code}:\n{log.read_text('utf-8', 'replace')[-3000:]}")
        for number, shown in enumerate(_shown(self.blocks)):
            _compare(self.name, _with(shown, replaced), (folder / f".shown.{number}").read_text("utf-8", "replace"))


def _with(text: str, replaced: Mapping[str, str]) -> str:
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text


def _script(blocks: tuple[Block, ...]) -> str:
    shown = iter(range(sys.maxsize))
    lines = [AT_THE_END]
    for block in blocks:
        lines.append(f"echo {shlex.quote(f'== {block.name}')}")
        if file := block.said.get("file"):
            lines.append(f"cat > {shlex.quote(file)} <<'END OF BLOCK'\n{block.text}END OF BLOCK")
        elif block.language == "python":
            lines.append(f"python - <<'END OF BLOCK'\n{block.text}END OF BLOCK")
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
    """Give the commands of a console block, each with the answer that is shown."""
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
