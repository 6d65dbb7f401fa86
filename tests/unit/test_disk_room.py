"""The disk of the data directory is checked once a second, and each change is logged once."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from waypost.store.embedded.room import MEGABYTE, DiskRoom

GIGABYTE = 1000 * MEGABYTE


def disk(monkeypatch: pytest.MonkeyPatch, *, free: int, size: int) -> None:
    found = SimpleNamespace(f_bavail=free // 1000, f_blocks=size // 1000, f_frsize=1000)
    monkeypatch.setattr(os, "statvfs", lambda _folder: found)


@pytest.mark.parametrize(
    ("free", "size", "least", "has_room"),
    [
        (512 * MEGABYTE, 1000 * GIGABYTE, None, True),
        (511 * MEGABYTE, 1000 * GIGABYTE, None, False),
        (50 * MEGABYTE, GIGABYTE, None, True),
        (49 * MEGABYTE, GIGABYTE, None, False),
        (49 * MEGABYTE, GIGABYTE, 10, True),
        (0, GIGABYTE, 0, True),
    ],
)
def test_the_required_free_space_depends_on_the_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, size: int, least: int | None, *, has_room: bool
) -> None:
    disk(monkeypatch, free=free, size=size)

    assert DiskRoom(tmp_path, least_megabytes=least)() is has_room


def test_running_out_of_space_and_regaining_it_are_logged_once_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = 0.0
    room = DiskRoom(tmp_path, clock=lambda: now)
    answers = []
    with capture_logs() as lines:
        for now, free in ((1.0, 0), (1.5, GIGABYTE), (2.0, 0), (3.0, GIGABYTE)):  # noqa: B007 - the clock reads it
            disk(monkeypatch, free=free, size=GIGABYTE)
            answers.append(room())

    assert answers == [False, False, False, True]
    assert [line["event"] for line in lines] == ["disk_room_lost", "disk_room_regained"]
