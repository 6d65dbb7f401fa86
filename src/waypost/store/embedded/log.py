"""The server's log: truncated at each start, and read for the messages of startup."""

import os
import re
from collections.abc import Iterator

from waypost.store.embedded.folder import DataFolder, open_private

_LOG_LIMIT = 8 * 1024 * 1024
_CHUNK = 64 * 1024
_LEVEL = re.compile(r"(LOG|FATAL|PANIC|ERROR|HINT|DETAIL|WARNING):  ")
_TELLING = (
    "was interrupted",
    "automatic recovery",
    "in progress, elapsed time",
    "checkpoint starting: end-of-recovery",
)


class ServerLog:
    """The log file of a data directory; earlier content is not read."""

    def __init__(self, folder: DataFolder) -> None:
        self.path = folder.log_file
        self.descriptor = open_private(folder, folder.log_file, os.O_RDWR | os.O_APPEND)
        self._offset = os.fstat(self.descriptor).st_size
        if self._offset > _LOG_LIMIT:
            folder.log_file.replace(folder.log_file.with_suffix(".log.1"))
            os.close(self.descriptor)
            self.descriptor = open_private(folder, folder.log_file, os.O_RDWR | os.O_APPEND)
            self._offset = 0
        self._failure: str | None = None
        self._last = ""

    def close(self) -> None:
        """Close our side; the server keeps its own."""
        os.close(self.descriptor)

    def news(self) -> list[str]:
        """Return what startup has logged since the last call: the messages about recovery, without their prefixes."""
        told = []
        for line in self._new_lines():
            level, message = _split(line)
            self._last = message
            if level in {"FATAL", "PANIC"}:
                self._failure = message
            elif level == "LOG" and any(word in message for word in _TELLING):
                told.append(message)
        return told

    def reason(self) -> str:
        """Return the last failure that was logged, or the last line if there is none."""
        self.news()
        return self._failure or self._last or "it logged nothing"

    def _new_lines(self) -> Iterator[str]:
        while text := os.pread(self.descriptor, _CHUNK, self._offset):
            end = text.rfind(b"\n") + 1
            if end == 0 and len(text) < _CHUNK:
                return  # a line that is still being written
            whole = text[: end or len(text)]
            self._offset += len(whole)
            yield from whole.decode(errors="replace").splitlines()


def _split(line: str) -> tuple[str, str]:
    found = _LEVEL.search(line)
    return (found[1], line[found.end() :]) if found else ("", line)
