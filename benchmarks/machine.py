"""The machine, and what processes have used of it. Linux only: it reads /proc."""

import os
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def describe() -> dict[str, str | int]:
    cpu = next(
        (line.split(":")[1].strip() for line in (_PROC / "cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return {
        "cpu": cpu,
        "cores": os.cpu_count() or 0,
        "memory_gib": memory,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load_before": f"{os.getloadavg()[0]:.2f}",
    }


def processor_seconds(pid: int) -> float:
    """What a process and those of its children that have ended have used; 0 when it has ended meanwhile itself."""
    return sum(_ticks(pid)) / _TICKS


def own_processor_seconds(pid: int) -> float:
    """What a process has used itself, without its children."""
    return sum(_ticks(pid)[:2]) / _TICKS


def _ticks(pid: int) -> list[int]:
    """Give what a process has used as itself and in the kernel, then the same of its children that have ended."""
    return [int(ticks) for ticks in _of_process(pid, "stat").rpartition(")")[2].split()[11:15]]


def processor_seconds_of(pids: Iterable[int]) -> float:
    return sum(map(processor_seconds, pids))


def peak_memory_mib(pids: Iterable[int]) -> int:
    """The most that each had resident at once, added up."""
    return sum(_field(pid, "status", "VmHWM:") for pid in pids) >> 10


def memory_mib(pids: Iterable[int]) -> int:
    """What processes hold now, pages that they share counted once."""
    return sum(_field(pid, "smaps_rollup", "Pss:") for pid in pids) >> 10


def parts_of(server: int) -> tuple[list[int], list[int]]:
    """Give the processes of a running server: its own, dispatch among them, and PostgreSQL's."""
    below = list(_descendants(server))
    own = [pid for pid in below if "waypost.app.child" in _of_process(pid, "cmdline")]
    return [server, *own], [pid for pid in below if pid not in own]


def _field(pid: int, file: str, name: str) -> int:
    return next((int(line.split()[1]) for line in _of_process(pid, file).splitlines() if line.startswith(name)), 0)


def _of_process(pid: int, file: str) -> str:
    """Read what the kernel tells of a process: nothing of one that has ended, as PostgreSQL's workers do."""
    try:
        return (_PROC / str(pid) / file).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _descendants(pid: int) -> Iterator[int]:
    for thread in (_PROC / str(pid) / "task").iterdir():
        for child in map(int, _of_process(pid, f"task/{thread.name}/children").split()):
            yield child
            yield from _descendants(child)
