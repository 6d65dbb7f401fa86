"""The tree keeps its own rules: sizes, names, no sleeps in tests, every statement used."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from waypost.store.statements import TEXTS

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "examples", "tools", "benchmarks")
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "base", "manager"}
LONGEST_FILE, LONGEST_FUNCTION = 400, 40


def python_files(*folders: str) -> list[Path]:
    return sorted(chain.from_iterable((ROOT / folder).rglob("*.py") for folder in folders))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and ast.get_docstring(function)
    lines = (function.end_lineno or 0) - function.lineno + 1
    return lines - ((first.end_lineno or 0) - first.lineno + 1 if documented else 0)


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = {str(path): size for path in python_files(*FOLDERS) if (size := len(path.read_text().splitlines())) > 400}

    assert long == {}


def test_no_function_is_longer_than_forty_lines() -> None:
    long = [
        f"{path}:{function.lineno} {function.name} {length(function)}"
        for path in python_files(*FOLDERS)
        for function in functions(path)
        if length(function) > LONGEST_FUNCTION
    ]

    assert long == []


def test_no_file_or_package_has_a_meaningless_name() -> None:
    bad = [path for path in python_files(*FOLDERS) if FORBIDDEN_NAMES & {path.stem, *path.relative_to(ROOT).parts}]

    assert bad == []


def sleeps(path: Path) -> Iterator[str]:
    """Yield where a file takes ``sleep`` from ``time`` or ``asyncio``, whatever name it is given.

    ``asyncio.sleep(0)`` is not a sleep: it gives the loop one round.
    """
    text = path.read_text()
    if "sleep" not in text:
        return
    tree = ast.parse(text)
    rounds = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and is_one_round(node)}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    clocks = {a.asname or a.name for node in imports for a in node.names if a.name in {"time", "asyncio"}}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr="sleep") if module in clocks and node not in rounds:
                yield f"{path}:{node.lineno}"
            case ast.ImportFrom(module="time" | "asyncio", names=names) if "sleep" in {a.name for a in names}:
                yield f"{path}:{node.lineno}"


def is_one_round(call: ast.Call) -> bool:
    return [ast.dump(argument) for argument in call.args] == [ast.dump(ast.Constant(0))]


def test_no_test_sleeps() -> None:
    assert [place for path in python_files("tests") for place in sleeps(path)] == []


ELSEWHERE = ("payloads", "receiver")
"""The three versions of one body, and a library of its own, which a shop uses without the rest."""

SHOWN_TOO = {"Incident"}
"""A value of the domain and its form in JSON, which names the schema of the API."""


def test_no_two_classes_have_the_same_name() -> None:
    package = ROOT / "src" / "waypost"
    names = Counter(
        node.name
        for path in python_files("src/waypost")
        if path.relative_to(package).parts[0] not in ELSEWHERE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )

    assert {name for name, count in names.items() if count > 1} == SHOWN_TOO


def test_every_package_has_a_docstring() -> None:
    silent = [
        path
        for path in python_files("src")
        if path.name == "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert silent == []


def test_no_module_of_the_package_disables_type_checks() -> None:
    assert [path for path in python_files("src") if "type: " + "ignore" in path.read_text()] == []


def test_sql_files_and_code_name_the_same_statements() -> None:
    code = "".join(path.read_text() for path in python_files("src"))
    used = set(re.findall(r'(?:fetch|fetch_one|execute)\(\s*\w+,\s*"(\w+)"', code))

    assert used == set(TEXTS)


WRITES = re.compile(r"\b(insert into|delete from|update \w+ (\w+ )?set|for (no key )?(update|share))\b", re.IGNORECASE)
TRIES_WRITING = "waypost.store.database"
"""It finds out whether a server accepts writes, by a write that changes nothing."""


def writing_modules() -> Iterator[str]:
    """Yield the modules of store that run a statement which writes or locks rows."""
    texts = {name: re.sub(r"--.*|\s+", " ", text) for name, text in TEXTS.items()}
    for path in python_files("src/waypost/store"):
        used = re.findall(r'(?:fetch|fetch_one|execute)\(\s*\w+,\s*"(\w+)"', path.read_text())
        if any(WRITES.search(texts[name]) for name in used):
            yield ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)


def test_every_module_of_the_store_that_writes_is_closed_to_the_faces() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = [one for one in contracts if one["name"].startswith("Faces only read the store")]

    assert set(writing_modules()) - {TRIES_WRITING} - set(contract["forbidden_modules"]) == set()


def test_faces_send_no_statement_of_their_own() -> None:
    faces = python_files(*(f"src/waypost/{face}" for face in ("api", "portal", "cli")))
    sent = re.compile(r"\.(execute|executemany|fetch|fetchrow|fetchval|copy_records_to_table)\(")
    imported = re.compile(r"from waypost\.store\.statements import (?!Session$)", re.MULTILINE)

    assert [path for path in faces if sent.search(text := path.read_text()) or imported.search(text)] == []
