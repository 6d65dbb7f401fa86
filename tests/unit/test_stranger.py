"""The stranger's questions about the tree, and their key."""

from pathlib import Path

import pytest

from tools.stranger import Definition, definitions, draw, main

MODULES = {
    "__init__.py": 'def hidden():\n    """Be in the package itself."""\n',
    "rules.py": 'class Rule:\n    """Set a limit.\n\n    And why.\n    """\n\ndef _own():\n    """Be private."""\n',
    "store/rows.py": 'async def find():\n    """Find a row."""\n\ndef silent():\n    pass\n',
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_questions_are_about_public_definitions_with_a_docstring(package: Path) -> None:
    assert definitions(package) == (
        Definition("rules.py", "class", "Rule", "Set a limit.\n\nAnd why."),
        Definition("store/rows.py", "def", "find", "Find a row."),
    )


def test_a_seed_gives_the_same_questions_and_another_seed_others() -> None:
    assert len(draw(7)) == 40
    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


def test_the_key_contains_the_modules_and_the_questions_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--seed", "7", "--count", "3"])
    asked = capsys.readouterr().out
    main(["--seed", "7", "--count", "3", "--key"])
    told = capsys.readouterr().out.splitlines()

    tree, _, below = asked.partition("\n1. ")
    assert len(told) == 3
    for line in told:
        module = line.partition(". ")[2]
        assert module in tree.splitlines()
        assert module not in below
