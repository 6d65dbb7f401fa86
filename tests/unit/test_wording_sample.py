"""The random sample of the project's texts."""

from pathlib import Path

import pytest

from tools.wording.sample import Passage, docstrings, draw, main, pages, paragraphs

TEMPLATES = "src/waypost/portal/templates"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("docs", TEMPLATES):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "README.md").write_text("# Title\n\nFirst.\n\n```sh\nls\n\ncd\n```\n\n| a |\n")
    (tmp_path / "docs" / "page.md").write_text("Second,\non two lines.\n")
    (tmp_path / TEMPLATES / "page.html").write_text("{% if a %}<h1 class='b'>Third</h1>{{ c }}{% endif %}")
    (tmp_path / "src/waypost" / "module.py").write_text('"""Fourth."""\n\ndef one():\n    """Fifth."""\n\nx = "none"\n')
    return tmp_path


def test_the_sample_consists_of_prose_texts_of_pages_and_docstrings(project: Path) -> None:
    assert list(paragraphs(project)) == [
        Passage("README.md", "First."),
        Passage("docs/page.md", "Second,\non two lines."),
    ]
    assert list(pages(project)) == [Passage(f"{TEMPLATES}/page.html", "Third")]
    assert [one.text for one in docstrings(project)] == ["Fourth.", "Fifth."]


def test_a_seed_gives_the_same_sample_and_another_seed_another(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "docs" / "long.md").write_text("\n\n".join(f"Paragraph {number}." for number in range(100)))

    main(["--seed", "7"], project)
    printed = capsys.readouterr().out

    sample = draw(7, project)
    assert [len(texts) for texts in sample.values()] == [10, 1, 2]
    assert all(passage.text in printed for texts in sample.values() for passage in texts)
    assert sample != draw(8, project)
