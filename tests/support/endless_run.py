"""A test that starts a server and never ends, for a run that is killed. It runs only if this file is named."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.support.embedded import server_pid
from tests.support.run import MARK
from tests.support.serving import serving

NOTE = "ENDLESS_RUN_NOTE"
"""The variable that names the file for its location and its processes."""


@pytest.mark.timeout(0)
def test_nothing_and_do_not_end() -> None:
    with serving() as server:
        server.start()
        note = Path(os.environ[NOTE])
        started = [os.getpid(), server.process.pid, server_pid(server.data_dir)]
        unfinished = note.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({"folders": [os.environ[MARK], os.environ["TMPDIR"]], "started": started}))
        unfinished.rename(note)
        signal.pause()
