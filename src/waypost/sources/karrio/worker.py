"""Runs karrio for Waypost: ``python -I -B worker.py MEMORY_BYTES CPU_SECONDS``, by the interpreter that has karrio.

It imports nothing of Waypost. Each line of its input and output is a JSON object. First it says ``ready``, or
``failed`` with the reason. Then it reads questions (``ask``, ``carrier``, ``number``, ``credentials``), one at a time,
and answers each with what karrio made of it (``details``, ``messages``, ``raised``).

karrio makes no connection here. Its ``urlopen`` writes the request (``call``) and waits for the answer, which Waypost
gets: with checked certificates, which karrio switches off for its whole process, from checked addresses, and within
limits of time and size, which karrio does not set. An audit hook refuses every other connection and every other
program, and where the kernel allows it the process has no network to begin with.
"""

import base64
import ctypes
import io
import json
import os
import queue
import resource
import sys
import threading
import urllib.error
import urllib.request
from collections import OrderedDict
from email.message import Message
from importlib import import_module
from typing import Any
from urllib.response import addinfourl

MOST_EVENTS = 1_000
LONGEST_TEXT = 2_000
MOST_GATEWAYS = 16
_CLONE_NEWNET, _CLONE_NEWUSER = 0x4000_0000, 0x1000_0000
_REFUSED = frozenset(
    {
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "socket.sendmsg",
        "socket.sendto",
        "subprocess.Popen",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.system",
    }
)
_EVENT = ("date", "time", "timestamp", "code", "description", "location", "status")


class Pipe:
    """The lines to and from Waypost, and the calls that wait for an answer."""

    def __init__(self, given: Any, said: Any) -> None:
        self._given = given
        self._said = said
        self._writing = threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._calls = 0

    def say(self, line: dict[str, Any]) -> None:
        """Write a line; several threads of karrio may do so at once."""
        with self._writing:
            self._said.write(json.dumps(line).encode() + b"\n")
            self._said.flush()

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have Waypost make a request, and return its answer."""
        answer: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        with self._writing:
            self._calls += 1
            number = self._calls
            self._waiting[number] = answer
        self.say({"call": number, **request})
        return answer.get()

    def read(self) -> dict[str, Any] | None:
        """Return the next question, None once Waypost has closed the pipe; answers go to those who wait for them."""
        for line in self._given:
            told: dict[str, Any] = json.loads(line)
            if "call" not in told:
                return told
            self._waiting.pop(told["call"]).put(told)
        return None


class Karrio:
    """karrio's own library, and the gateways that hold its tokens."""

    def __init__(self) -> None:
        self._sdk: Any = import_module("karrio.sdk")
        self._lib: Any = import_module("karrio.lib")
        self._gateways: OrderedDict[str, Any] = OrderedDict()

    def track(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what karrio makes of a number, or what it raised. Its own texts are not trusted to be short."""
        key = json.dumps([asked["carrier"], asked["credentials"]], sort_keys=True)
        if asked.get("fresh"):
            self._gateways.pop(key, None)
        reused = key in self._gateways
        try:
            self._open(key, asked)
        except Exception as error:  # noqa: BLE001 - the extension is missing, or does not want these credentials
            return {"details": [], "messages": [], "raised": None, "unopened": _reason(error), "reused": False}
        try:
            details, messages = self._track(key, asked)
            made = {
                "details": [self._detail(one) for one in details or ()],  # karrio returns None, too
                "messages": [self._message(one) for one in messages or ()],
            }
        except Exception as error:  # noqa: BLE001 - karrio raises anything, and the next question may be another
            return {"details": [], "messages": [], "raised": _reason(error), "reused": reused}
        return {**made, "raised": None, "reused": reused}

    def _open(self, key: str, asked: dict[str, Any]) -> None:
        """Open the carrier with these credentials, unless it is open."""
        if key not in self._gateways:
            self._gateways[key] = self._sdk.gateway[asked["carrier"]].create(asked["credentials"])
            if len(self._gateways) > MOST_GATEWAYS:
                self._gateways.popitem(last=False)
        self._gateways.move_to_end(key)

    def _track(self, key: str, asked: dict[str, Any]) -> Any:
        wanted = self._sdk.Tracking.fetch({"tracking_numbers": [asked["number"]]})
        return wanted.from_(self._gateways[key]).parse()

    def _detail(self, told: Any) -> dict[str, Any]:
        plain = self._lib.to_dict(told)
        events = [one for one in plain.get("events") or [] if isinstance(one, dict)]
        info = plain.get("info")
        return {
            "tracking_number": _short(plain.get("tracking_number")),
            "estimated_delivery": _short(plain.get("estimated_delivery")),
            "signed_by": _short(info.get("signed_by")) if isinstance(info, dict) else None,
            "events": [{name: _short(one.get(name)) for name in _EVENT} for one in events[:MOST_EVENTS]],
        }

    def _message(self, told: Any) -> dict[str, Any]:
        plain = self._lib.to_dict(told)
        return {"code": _short(plain.get("code")), "message": _short(plain.get("message"))}


def main(memory_bytes: int, cpu_seconds: int) -> None:
    """Answer questions until the pipe is closed."""
    pipe = _take_pipe()
    _limit(memory_bytes)
    _leave_network()
    sys.addaudithook(_refuse)
    urllib.request.urlopen = _through(pipe)  # before karrio is imported, which then takes this one
    try:
        karrio = Karrio()
    except BaseException as error:  # noqa: BLE001 - whatever stops the import is reported
        pipe.say({"failed": _reason(error)})
        return
    pipe.say({"ready": True})
    while (asked := pipe.read()) is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        until = int(used.ru_utime + used.ru_stime) + cpu_seconds + 1
        resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
        # In a thread, since this one goes on reading: the answers to karrio's calls, and the end of the pipe.
        threading.Thread(target=_answer, args=(pipe, karrio, asked), daemon=True).start()
    os._exit(0)  # a thread that karrio left behind must not keep the process


def _answer(pipe: Pipe, karrio: Karrio, asked: dict[str, Any]) -> None:
    try:
        pipe.say({"ask": asked["ask"], **karrio.track(asked)})
    except BaseException:  # noqa: BLE001 - without an answer Waypost would wait in vain
        os._exit(1)


def _take_pipe() -> Pipe:
    """Return the pipe, and point input and output to nothing: karrio prints."""
    pipe = Pipe(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    return pipe


def _limit(memory_bytes: int) -> None:
    """Bound memory and open files, and forbid to write files."""
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(what, (most, most))


def _leave_network() -> None:
    """Move to an empty network where the kernel allows it; it then holds for code that is not Python's, too."""
    unshare = getattr(ctypes.CDLL(None), "unshare", None) if sys.platform == "linux" else None
    if unshare is not None and unshare(_CLONE_NEWNET) != 0:
        unshare(_CLONE_NEWUSER | _CLONE_NEWNET)  # for those who are not root


def _refuse(event: str, _: tuple[object, ...]) -> None:
    if event in _REFUSED:
        raise PermissionError(f"karrio may not use {event}")


def _through(pipe: Pipe) -> Any:
    """Return a ``urlopen`` that has Waypost make the request."""

    def urlopen(url: Any, data: Any = None, timeout: Any = None, **_: Any) -> addinfourl:
        del timeout  # Waypost's
        request = url if isinstance(url, urllib.request.Request) else urllib.request.Request(url, data)  # noqa: S310 - only described
        body = request.data
        headers = dict(request.header_items())
        if body is not None and not request.has_header("Content-type"):
            headers["Content-type"] = "application/x-www-form-urlencoded"  # as urllib does
        told = pipe.call(
            {
                "method": request.get_method(),
                "url": request.full_url,
                "headers": [(name, str(value)) for name, value in headers.items() if value is not None],
                "body": base64.b64encode(body if isinstance(body, bytes) else b"").decode(),
            }
        )
        return _response(request.full_url, told)

    return urlopen


def _response(url: str, told: dict[str, Any]) -> addinfourl:
    if told["failed"] is not None:
        raise urllib.error.URLError(told["failed"])
    headers = Message()
    for name, value in told["headers"]:
        headers[name] = value
    body, status = io.BytesIO(base64.b64decode(told["body"])), told["status"]
    if not 200 <= status < 300:  # noqa: PLR2004 - the class of successes
        raise urllib.error.HTTPError(url, status, f"HTTP {status}", headers, body)
    return addinfourl(body, headers, url, status)


def _reason(error: BaseException) -> str | None:
    return _short(f"{type(error).__name__}: {error}")


def _short(text: object) -> str | None:
    return None if text is None else str(text)[:LONGEST_TEXT]


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
