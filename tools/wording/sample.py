"""Prints a random sample of the project's texts for a reader: ``python -m tools.wording.sample --seed 7``.

The sample has ten paragraphs of the documentation, the texts of five page templates and twenty docstrings. A seed gives
the same sample as long as the texts are the same.
"""

import argparse
import ast
import random
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SIZES = {"paragraphs": 10, "pages": 5, "docstrings": 20}


class Passage(NamedTuple):
    """A text and the file that contains it."""

    file: str
    text: str


def paragraphs(root: Path = ROOT) -> Iterator[Passage]:
    """Yield the prose paragraphs of README and the documentation; no headings, tables or code."""
    for file in (root / "README.md", *sorted((root / "docs").rglob("*.md"))):
        prose = re.sub(r"^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for text in re.split(r"\n\s*\n", prose):
            if text.strip() and text.lstrip()[0] not in "#|!":
                yield Passage(_name(file, root), text.strip())


def pages(root: Path = ROOT) -> Iterator[Passage]:
    """Yield the texts of the page templates, without markup."""
    for file in sorted((root / "src/waypost/portal/templates").glob("*.html")):
        text = re.sub(r"\{[{%#].*?[}%#]\}|<[^>]*>", "\n", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        lines = [line.strip() for line in text.splitlines() if re.search(r"\w{3}", line)]
        if lines:
            yield Passage(_name(file, root), "\n".join(lines))


def docstrings(root: Path = ROOT) -> Iterator[Passage]:
    """Yield the docstrings of the package: of modules, classes and functions."""
    for file in sorted((root / "src/waypost").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
                text := ast.get_docstring(node)
            ):
                yield Passage(_name(file, root), text)


def draw(seed: int, root: Path = ROOT) -> dict[str, list[Passage]]:
    """Return the sample of a seed, by kind."""
    chance = random.Random(seed)  # noqa: S311 - it has to be repeatable
    found = {"paragraphs": [*paragraphs(root)], "pages": [*pages(root)], "docstrings": [*docstrings(root)]}
    return {kind: chance.sample(texts, min(SIZES[kind], len(texts))) for kind, texts in found.items()}


def _name(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Print the sample of a seed."""
    parser = argparse.ArgumentParser(description="Print a random sample of the project's texts.")
    parser.add_argument("--seed", type=int, default=1, help="which sample is drawn")
    for kind, passages in draw(parser.parse_args(arguments).seed, root).items():
        print(f"# {kind}\n")
        for passage in passages:
            print(f"## {passage.file}\n\n{passage.text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
