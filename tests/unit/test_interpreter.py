"""The threads beside the event loop, such as Granian's, do not wait long for the interpreter."""

import sys
from collections.abc import Iterator

import pytest

from waypost.app.running import let_threads_in
from waypost.turns import SLICE_SECONDS


@pytest.fixture
def _as_before() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_as_before")
def test_a_thread_waits_for_the_interpreter_no_longer_than_for_a_slice_of_long_work() -> None:
    let_threads_in()

    assert sys.getswitchinterval() < SLICE_SECONDS
