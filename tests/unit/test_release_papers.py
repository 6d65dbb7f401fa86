"""The papers of a release: a licence for every package, and a failure if one declares none."""

from pathlib import Path

from tools.release_papers import has_address, licence_of, licences_page


def component(name: str, *licences: dict[str, object]) -> dict[str, object]:
    return {"name": name, "version": "1.0", "licenses": list(licences)}


def test_each_package_is_listed_by_name_with_its_version_and_licence() -> None:
    sbom = {
        "components": [
            component("Zebra", {"expression": "MIT"}),
            component("ant", {"license": {"id": "Apache-2.0"}}),
            component("waypost", {"expression": "Apache-2.0"}),
        ]
    }

    assert licences_page(sbom).splitlines()[-2:] == ["| ant | 1.0 | Apache-2.0 |", "| Zebra | 1.0 | MIT |"]


def test_a_licence_that_is_declared_twice_is_named_once() -> None:
    twice = component("a", {"license": {"id": "MIT"}}, {"license": {"name": "License :: OSI Approved :: MIT"}})

    assert licence_of(twice) == "MIT"


def test_the_text_of_a_licence_is_not_its_name() -> None:
    assert licence_of(component("a", {"license": {"name": "Copyright\nPermission is granted"}})) == ""


def test_a_package_without_a_licence_is_listed_without_one() -> None:
    assert licence_of({"name": "a", "version": "1.0"}) == ""


def test_a_project_without_an_address_is_noticed(tmp_path: Path) -> None:
    pyproject = tmp_path / "pyproject.toml"

    pyproject.write_text('[project]\nname = "a"\n')
    assert not has_address(pyproject)

    pyproject.write_text('[project]\nname = "a"\n[project.urls]\nSource = "https://shop.example/source"\n')
    assert has_address(pyproject)
