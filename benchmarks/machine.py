"""The machine, and the resources that processes have used. Linux only: it reads /proc."""

import os
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path

_PROC = Path("/proc")
_SHARED_MEMORY = ("/dev/zero", "/dev/shm", "/SYSV")  # noqa: S108 - names that the kernel shows
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
    """Return the processor time of a process and of its ended children; 0 if it has ended itself."""
    return sum(_ticks(pid)) / _TICKS


def own_processor_seconds(pid: int) -> float:
    """Return the processor time of a process without its children."""
    return sum(_ticks(pid)[:2]) / _TICKS


def _ticks(pid: int) -> list[int]:
    """Return the user and system time of a process, then those of its ended children."""
    return [int(ticks) for ticks in _of_process(pid, "stat").rpartition(")")[2].split()[11:15]] or [0, 0, 0, 0]


def processor_seconds_of(pids: Iterable[int]) -> float:
    return sum(map(processor_seconds, pids))


def peak_memory_mib(pids: Iterable[int]) -> int:
    """Return the sum of each process's peak resident memory."""
    return sum(_field(pid, "status", "VmHWM:") for pid in pids) >> 10


def memory_mib(pids: Iterable[int]) -> int:
    """Return the memory of processes, with pages that they share counted once, as if nothing else ran on the machine.

    Their sum of PSS would depend on others: pages of libraries are shared with every program that uses the same files,
    such as other servers and tests of the same environment, and PSS counts a part of them only.
    """
    kib, files = 0, dict[str, int]()
    for pid in pids:
        for mapping, fields in _mappings(pid):
            proportional, resident, own = (fields.get(name, 0) for name in ("Pss", "Rss", "Anonymous"))
            if mapping.startswith("/") and not mapping.startswith(_SHARED_MEMORY):
                kib += own
                files[mapping] = max(files.get(mapping, 0), resident - own)
            else:
                kib += proportional
    return (kib + sum(files.values())) >> 10


def _mappings(pid: int) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the parts of a process's memory: the file with the offset, or what else it is, and its fields in KiB."""
    mapping, fields = "", dict[str, int]()
    for line in _of_process(pid, "smaps").splitlines():
        words = line.split(maxsplit=5)
        if not words[0].endswith(":"):
            yield mapping, fields
            path = words[5] if len(words) > 5 else ""  # noqa: PLR2004 - an anonymous mapping has no path
            mapping, fields = f"{path} {words[2]}" if path.startswith("/") else path, {}
        elif len(words) > 1 and words[1].isdigit():
            fields[words[0][:-1]] = int(words[1])
    yield mapping, fields


def parts_of(server: int) -> tuple[list[int], list[int]]:
    """Return the processes of a running server: its own, including dispatch, and PostgreSQL's."""
    below = list(_descendants(server))
    own = [pid for pid in below if "waypost.app.child" in _of_process(pid, "cmdline")]
    return [server, *own], [pid for pid in below if pid not in own]


def named_parts(server: int) -> dict[str, list[int]]:
    """Return the processes of a running server by what they do."""
    (main, *dispatching), postgresql = parts_of(server)
    return {"main": [main], "dispatch": dispatching, "postgresql": postgresql}


def processor_by_part(server: int) -> dict[str, float]:
    """Return the processor seconds of a running server's parts, to the nanosecond; PostgreSQL's with ended workers."""
    found = {name: sum(map(_run_seconds, pids)) for name, pids in named_parts(server).items()}
    # The ended children of `main` are dispatch processes, those of PostgreSQL's first process are its workers.
    found["postgresql"] += sum(sum(_ticks(pid)[2:]) for pid in named_parts(server)["postgresql"]) / _TICKS
    return found


def wake_ups(server: int) -> dict[str, int]:
    """Return how often the threads of a running server's parts have waited for something, and so were woken again."""
    return {name: sum(map(_waits, pids)) for name, pids in named_parts(server).items()}


def _waits(pid: int) -> int:
    return sum(_field(pid, f"task/{thread}/status", "voluntary_ctxt_switches:") for thread in _threads(pid))


def _run_seconds(pid: int) -> float:
    texts = (_of_process(pid, f"task/{thread}/schedstat") for thread in _threads(pid))
    return sum(int(text.split()[0]) for text in texts if text) / 1e9


def _threads(pid: int) -> list[str]:
    try:
        return [thread.name for thread in (_PROC / str(pid) / "task").iterdir()]
    except FileNotFoundError:
        return []


def _field(pid: int, file: str, name: str) -> int:
    return next((int(line.split()[1]) for line in _of_process(pid, file).splitlines() if line.startswith(name)), 0)


def _of_process(pid: int, file: str) -> str:
    """Return a file of a process in /proc, or an empty text if it has ended, as PostgreSQL's workers do."""
    try:
        return (_PROC / str(pid) / file).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _descendants(pid: int) -> Iterator[int]:
    for thread in (_PROC / str(pid) / "task").iterdir():
        for child in map(int, _of_process(pid, f"task/{thread.name}/children").split()):
            yield child
            yield from _descendants(child)
