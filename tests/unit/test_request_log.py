"""One log line per request, without tokens."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from waypost.app.request_log import logged, shown_path


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (
            "/v1/endpoints/ep_0123456789abcdef0123456789abcdef/test",
            "/v1/endpoints/ep_0123456789abcdef0123456789abcdef/test",
        ),
        ("/login", "/login"),
        ("/track/abc", "/track/…"),
        ("/track/abc/embed", "/track/…"),
        ("/Track//abc", "/Track//…"),
        ("/inbound/dhl/abc", "/inbound/dhl/…"),
        ("/login/abc\ndef", "/login/…"),
        ("/help/" + "a" * 41, "/help/…"),
    ],
)
def test_tokens_are_hidden_in_paths(path: str, shown: str) -> None:
    assert shown_path(path) == shown


async def test_a_request_is_one_line_with_its_account_and_status() -> None:
    async def application(scope: Any, _receive: Any, send: Any) -> None:
        scope["state"] = {"waypost.account": "acc_1"}
        await send({"type": "http.response.start", "status": 404, "headers": []})

    async def send(_message: Any) -> None:
        pass

    scope = {"type": "http", "method": "HEAD", "path": "/track/secret", "query_string": b"a=secret"}
    with capture_logs() as lines:
        await logged(application)(scope, None, send)  # type: ignore[arg-type]

    (line,) = lines
    assert line.pop("milliseconds") >= 0
    assert line == {
        "event": "request_answered",
        "log_level": "debug",
        "method": "HEAD",
        "path": "/track/…",
        "status": 404,
        "account": "acc_1",
    }


async def test_failed_requests_are_logged_too() -> None:
    async def application(_scope: Any, _receive: Any, _send: Any) -> None:
        raise ConnectionResetError

    with capture_logs() as lines, pytest.raises(ConnectionResetError):
        await logged(application)({"type": "http", "method": "GET", "path": "/"}, None, None)  # type: ignore[arg-type]

    assert [(line["event"], line["status"]) for line in lines] == [("request_answered", 0)]
