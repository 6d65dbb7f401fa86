"""Every code of every carrier's ``codes.toml``; a new carrier adds no code here."""

import tomllib
from collections import Counter
from importlib.resources import files
from itertools import chain
from typing import Any

import pytest

from waypost.domain.checkpoints import Basis
from waypost.domain.statuses import SUBSTATUSES, Status, status_of
from waypost.sources import codes
from waypost.sources.carriers import CARRIERS, carriers

WITH_TABLES = [one for one in carriers() if (files(one.package) / "codes.toml").is_file()]
TABLES = [(one.package, kind) for one in WITH_TABLES for kind in codes.load(one.package)]


def written(package: str, kind: str) -> dict[str, dict[str, str]]:
    table: dict[str, Any] = tomllib.loads((files(package) / "codes.toml").read_text("utf-8"))[kind]
    assert set(table) <= {"silent", "says", "general"}
    return table | {"silent": dict.fromkeys(table.get("silent", ()), "")}


def test_all_carriers_except_the_one_without_codes_have_tables() -> None:
    assert set(CARRIERS) - {one.package.rpartition(".")[2] for one in WITH_TABLES} == {"dhl"}


@pytest.mark.parametrize(("package", "kind"), TABLES)
def test_every_code_is_listed_once_as_the_carrier_writes_it_with_a_known_substatus(package: str, kind: str) -> None:
    table = written(package, kind)
    all_codes = list(chain.from_iterable(table.values()))

    assert [code for code, times in Counter(all_codes).items() if times > 1] == []
    assert [code for code in all_codes if code != code.strip().upper() or not code.isprintable()] == []
    assert {said for part in ("says", "general") for said in table.get(part, {}).values()} <= set(SUBSTATUSES)


@pytest.mark.parametrize(("package", "kind"), TABLES)
def test_no_general_code_ends_a_journey(package: str, kind: str) -> None:
    said = written(package, kind).get("general", {}).values()

    assert [one for one in said if status_of(one) is Status.DELIVERED or one == "exception010"] == []


@pytest.mark.parametrize(("package", "kind"), TABLES)
def test_a_code_without_a_text_is_read_as_its_table_says(package: str, kind: str) -> None:
    table, read = written(package, kind), codes.load(package)[kind]
    expected = {
        **{code: (said, Basis.CODE) for code, said in table.get("says", {}).items()},
        **{code: (said, Basis.GENERAL_CODE) for code, said in table.get("general", {}).items()},
        **dict.fromkeys(table["silent"], (None, Basis.CODE)),
    }

    readings = {code: codes.interpret([(f" {code.lower()} ", read)], []) for code in read}

    assert {code: (one.substatus, one.basis) for code, one in readings.items()} == expected
