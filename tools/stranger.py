"""Asks a stranger where forty definitions are: ``python -m tools.stranger --seed 7``, and ``--key`` for the answers.

A stranger gets the tree and the name and docstring of each definition, and says in which module it should be. If that
is another module, the name misleads or the definition is in the wrong place. A seed asks the same questions as long as
the package is unchanged.
"""

import argparse
import ast
import random
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1] / "src" / "waypost"
QUESTIONS = 40


class Definition(NamedTuple):
    """A public function or class of a module, with its docstring."""

    module: str
    kind: str
    name: str
    docstring: str


@cache
def definitions(package: Path = PACKAGE) -> tuple[Definition, ...]:
    """Return the public definitions with a docstring, module by module."""
    return tuple(_definitions(package))


def _definitions(package: Path) -> Iterator[Definition]:
    for path in modules(package):
        for node in ast.parse((package / path).read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name[0] == "_":
                continue
            kind = "class" if isinstance(node, ast.ClassDef) else "def"
            if docstring := ast.get_docstring(node):
                yield Definition(path, kind, node.name, docstring)


def modules(package: Path = PACKAGE) -> list[str]:
    """Return the paths of the modules below the package, sorted."""
    return sorted(path.relative_to(package).as_posix() for path in package.rglob("*.py") if path.name != "__init__.py")


def draw(seed: int, count: int = QUESTIONS, package: Path = PACKAGE) -> list[Definition]:
    """Return this many definitions, in the order of the questions."""
    known = definitions(package)
    return random.Random(seed).sample(known, min(count, len(known)))  # noqa: S311 - it has to be repeatable


def questions(asked: Sequence[Definition], package: Path = PACKAGE) -> str:
    """Return the questions: the tree, then the definitions without their modules."""
    lines = ["In which of these modules is each of the definitions below?", "", *modules(package), ""]
    for number, one in enumerate(asked, start=1):
        lines += [f"{number}. {one.kind} {one.name}", *(f"   {line}".rstrip() for line in one.docstring.splitlines())]
    return "\n".join(lines)


def key(asked: Sequence[Definition]) -> str:
    """Return where each definition is."""
    return "\n".join(f"{number}. {one.module}" for number, one in enumerate(asked, start=1))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the questions of a seed, or their key."""
    parser = argparse.ArgumentParser(description="Ask a stranger where definitions are.")
    parser.add_argument("--seed", type=int, default=1, help="which questions are drawn")
    parser.add_argument("--count", type=int, default=QUESTIONS, help="how many")
    parser.add_argument("--key", action="store_true", help="print the answers instead")
    given = parser.parse_args(arguments)
    asked = draw(given.seed, given.count)
    print(key(asked) if given.key else questions(asked))
    return 0


if __name__ == "__main__":
    sys.exit(main())
