"""A server for the check of a backup does not wait for the disk; one that keeps data always does."""

from pathlib import Path

import pytest

from waypost.store.embedded.cluster import server_command
from waypost.store.embedded.folder import DataFolder
from waypost.store.embedded.programs import Programs


@pytest.mark.parametrize(("disposable", "state"), [(False, "on"), (True, "off")])
def test_only_a_disposable_server_may_lose_what_it_has_confirmed(*, disposable: bool, state: str) -> None:
    folder = DataFolder(Path("/data"), 0, 0)

    command = server_command(folder, Programs(Path("/bin"), 18), Path("/run"), disposable=disposable)

    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        assert [word for word in command if str(word).startswith(f"--{name}=")] == [f"--{name}={state}"]
