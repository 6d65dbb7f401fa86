"""The check that rejects phrases which read as translated."""

from pathlib import Path

import pytest

from tools.wording.search import Exempt, Phrase, Rules, files, read_rules, search

RULES = read_rules()
NO_STATUS = Phrase(pattern=r"\bis no [a-z]", write="is not a …", example="")
TOLD = Phrase(pattern=r"\btold\b", write="reports", example="", prose=True)


def found(folder: Path, name: str, text: str, *phrases: Phrase, exceptions: tuple[Exempt, ...] = ()) -> list[str]:
    (folder / name).write_text(text)
    rules = Rules(phrases, exceptions, [name], [])
    return [f"{one.line}: {one.text}" for one in search(rules, files(rules, folder), folder)[0]]


@pytest.mark.parametrize("phrase", RULES.phrases, ids=lambda phrase: phrase.example)
def test_every_phrase_is_found_in_its_example(phrase: Phrase, tmp_path: Path) -> None:
    assert len(found(tmp_path, "page.md", f"{phrase.example}\n", phrase)) == 1


def test_phrases_are_found_across_lines_of_prose_of_comments_and_of_texts(tmp_path: Path) -> None:
    assert found(tmp_path, "page.md", "The code is\nno status.\n", NO_STATUS) == ["1: is no s"]
    assert found(tmp_path, "query.sql", "\n-- The code is\n-- no status.\n", NO_STATUS) == ["2: is no s"]
    assert found(tmp_path, "code.py", 'raise Error(\n    f"{x} is "\n    "no status"\n)\n', NO_STATUS) == ["2: is no s"]


def test_paragraphs_do_not_run_into_each_other(tmp_path: Path) -> None:
    assert not found(tmp_path, "page.md", "Say what the value is\n\nno status is given.\n", NO_STATUS)


def test_names_are_read_like_sentences(tmp_path: Path) -> None:
    assert found(tmp_path, "test_codes.py", "def test_a_code_is_no_status(): ...\n", NO_STATUS) == ["1: is no s"]


def test_phrases_of_prose_are_not_searched_for_in_code(tmp_path: Path) -> None:
    code = "told = 1\n# It is told.\nnames = ['told']\n"

    assert found(tmp_path, "code.py", code, TOLD) == ["2: told", "3: told"]
    assert found(tmp_path, "page.md", code, TOLD) == ["1: told", "2: told", "3: told"]


def test_an_exception_excuses_its_own_words_in_its_own_file(tmp_path: Path) -> None:
    exception = Exempt("page.md", "The answer is no surprise", "idiom")
    text = "The answer is no surprise.\nThe code is no status.\n"

    assert found(tmp_path, "page.md", text, NO_STATUS, exceptions=(exception,)) == ["2: is no s"]
    assert len(found(tmp_path, "other.md", text, NO_STATUS, exceptions=(exception,))) == 2


def test_an_exception_that_excuses_nothing_is_reported(tmp_path: Path) -> None:
    exception = Exempt("page.md", "is no surprise", "idiom")
    (tmp_path / "page.md").write_text("The answer is yes.\n")
    rules = Rules([NO_STATUS], [exception], ["page.md"], [])

    assert search(rules, files(rules, tmp_path), tmp_path) == ([], set())


def test_skipped_files_are_not_searched(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").touch()
    (tmp_path / "docs" / "b.md").touch()

    assert list(files(Rules([], [], ["docs"], ["docs/b.*"]), tmp_path)) == [Path("docs/a.md")]
