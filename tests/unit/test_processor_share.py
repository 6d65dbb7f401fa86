"""A process that gives way does so among the sessions of the machine, too."""

import os
import subprocess
from pathlib import Path

import pytest

from waypost.processor_share import LOWEST, give_way


def test_a_process_that_leads_a_session_gives_way_with_its_session() -> None:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, start_new_session=True) as process:
        give_way(LOWEST, process.pid)

        assert os.getpriority(os.PRIO_PROCESS, process.pid) == LOWEST
        session = Path(f"/proc/{process.pid}/autogroup")
        if not session.exists():
            pytest.skip("this kernel does not share processors among sessions")
        assert session.read_text().split()[-1] == str(LOWEST)


def test_the_session_of_others_keeps_its_share() -> None:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as process:
        session = Path(f"/proc/{process.pid}/autogroup")
        before = session.read_text() if session.exists() else None
        give_way(LOWEST, process.pid)

        assert os.getpriority(os.PRIO_PROCESS, process.pid) == LOWEST
        assert (session.read_text() if session.exists() else None) == before


def test_a_process_that_has_ended_gives_way_to_nothing() -> None:
    process = subprocess.Popen(["/bin/true"])
    process.wait()

    give_way(LOWEST, process.pid)
