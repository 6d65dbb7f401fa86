"""A server whose settings name an interpreter for karrio that does not exist says so when it starts."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from waypost.app.karrio import make_bridge
from waypost.settings import Settings


@pytest.mark.parametrize("exists", [True, False])
def test_a_missing_interpreter_of_karrio_is_logged(tmp_path: Path, *, exists: bool) -> None:
    python = tmp_path / "python"
    if exists:
        python.touch()

    with capture_logs() as lines:
        bridge = make_bridge(Settings(karrio_python=python))

    assert bridge is not None
    assert [line["event"] for line in lines] == ([] if exists else ["karrio_missing"])
