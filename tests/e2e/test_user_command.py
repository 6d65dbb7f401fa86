"""`waypost user`: users of the pages, with and without a running server."""

import json
import re
import subprocess

import httpx
import pytest

from tests.support.commands import call_waypost
from tests.support.embedded import open_place
from tests.support.serving import WAYPOST, Serving, environment, run_waypost
from tests.support.visiting import Document

OWNER = "users@example.com"
MEMBER = "member@example.com"
PASSWORD = "correct horse"
OTHER_PASSWORD = "battery staple"
HOME = "/developer/webhooks"
COMMANDS = ("create", "reset-password", "login-link")


@pytest.fixture(scope="module")
def server(shared_server: Serving) -> Serving:
    shared_server.account(OWNER)
    return shared_server


def user(server: Serving, *arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    return call_waypost("user", *arguments, "--data-dir", str(server.data_dir), stdin=stdin, **settings)


def create(server: Serving, email: str, *arguments: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    given = ("create", "--email", email, "--account", OWNER, "--password-stdin", *arguments)
    return user(server, *given, stdin=f"{password}\n")


def refused(ended: subprocess.CompletedProcess[str], reason: str, *, code: int = 1) -> None:
    """Fail unless the command ended so, in one sentence that says why and holds no password."""
    assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
    assert PASSWORD not in ended.stderr


def signs_in(server: Serving, email: str, password: str) -> bool:
    with httpx.Client(base_url=server.url, headers={"accept": "text/html"}) as browser:
        token = Document(browser.get("/login").text).value("_csrf_token")
        form = {"_csrf_token": token, "email": email, "password": password}
        answer = browser.post("/login", data=form)
        assert answer.status_code in (303, 422), answer.text
        return answer.status_code == 303 and browser.get(HOME).status_code == 200


def test_help_lists_the_commands() -> None:
    answer = call_waypost("user", "--help")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert all(command in answer.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_documents_its_options(command: str) -> None:
    answer = call_waypost("user", command, "--help")

    assert (answer.returncode, answer.stderr) == (0, "")
    for option in ("--email", "--json", "--data-dir", "--database-url"):
        assert option in answer.stdout
    assert ("--password-stdin" in answer.stdout) == (command != "login-link")


def test_a_user_created_while_the_server_runs_can_sign_in_at_once(server: Serving) -> None:
    made = create(server, "Member@Example.com", "--json")

    assert (made.returncode, made.stderr) == (0, "")
    assert json.loads(made.stdout) == {"email": "Member@Example.com", "role": "member"}
    assert signs_in(server, "member@example.com", PASSWORD)


def test_the_result_is_one_sentence_without_the_password(server: Serving) -> None:
    made = create(server, "owner@example.com", "--role", "owner")
    reset = user(server, "reset-password", "--email", "owner@example.com", "--password", OTHER_PASSWORD)

    assert (made.returncode, made.stdout) == (0, "owner@example.com can sign in now.\n")
    assert (reset.returncode, reset.stdout) == (0, "owner@example.com has a new password.\n")
    assert made.stderr == reset.stderr == ""


def test_a_password_on_standard_input_is_its_first_line_unchanged(server: Serving) -> None:
    made = create(server, "spaces@example.com", password="  p\u00e4ss word \r\nsecond line")

    assert made.returncode == 0, made.stderr
    assert signs_in(server, "spaces@example.com", "  p\u00e4ss word ")


@pytest.mark.parametrize("account", ["nobody@example.com", "", "sh\u00f6p@example.com", "a@b\udcff", "a@b\n"])
def test_a_missing_account_is_named(server: Serving, account: str) -> None:
    given = ("create", "--email", "x@example.com", "--account", account, "--password-stdin")

    refused(user(server, *given, stdin=f"{PASSWORD}\n"), "account: is not an account's e-mail address")


@pytest.mark.parametrize("email", [OWNER, OWNER.upper()])
def test_an_email_in_use_is_rejected_and_keeps_its_password(server: Serving, email: str) -> None:
    refused(create(server, email, password=OTHER_PASSWORD), "email: belongs to another user")

    assert signs_in(server, OWNER, PASSWORD)


@pytest.mark.parametrize("email", ["nobody", "a@b\udcff", "\u00e4@example.com", "a b@example.com"])
def test_an_invalid_email_creates_no_user(server: Serving, email: str) -> None:
    refused(create(server, email), "email: must look like name@example.com")


@pytest.mark.parametrize("command", ["reset-password", "login-link"])
@pytest.mark.parametrize("email", ["nobody@example.com", "", "\u0130@example.com", "a@b\udcff"])
def test_a_missing_user_is_named(server: Serving, command: str, email: str) -> None:
    password = ("--password-stdin",) if command == "reset-password" else ()

    refused(
        user(server, command, "--email", email, *password, stdin=f"{PASSWORD}\n"),
        "email: is not a user's e-mail address",
    )


@pytest.mark.parametrize(
    ("arguments", "stdin", "reason"),
    [
        (("--password-stdin",), "1234567\n", "password: must have 8 to 1000 characters"),
        (("--password-stdin",), "", "password: must have 8 to 1000 characters"),
        (("--password-stdin",), "x" * 1_000_000, "password: must have 8 to 1000 characters"),
        (("--password", PASSWORD, "--password-stdin"), f"{PASSWORD}\n", "password: can't be given twice"),
        ((), f"{PASSWORD}\n", "password: is required"),
    ],
)
@pytest.mark.parametrize("command", ["create", "reset-password"])
def test_a_rejected_password_is_not_shown(
    server: Serving, command: str, arguments: tuple[str, ...], stdin: str, reason: str
) -> None:
    account = ("--account", OWNER) if command == "create" else ()
    email = "never@example.com" if command == "create" else OWNER

    refused(user(server, command, "--email", email, *account, *arguments, stdin=stdin), reason)


@pytest.mark.parametrize("encoding", ["utf-8:surrogateescape", "utf-8:strict"])
def test_a_password_that_is_not_utf_8_is_rejected(server: Serving, encoding: str) -> None:
    given = ("user", "reset-password", "--email", OWNER, "--password-stdin", "--data-dir", str(server.data_dir))

    env = environment(PYTHONIOENCODING=encoding)
    ended = subprocess.run((*WAYPOST, *given), check=False, env=env, input=b"\xff" * 9, capture_output=True)

    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr == b"waypost: password: must be UTF-8\n"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("make",),
        ("create", "--email", "x@example.com"),
        ("create", "--email", "x@example.com", "--account", OWNER, "--role", "admin", "--password", PASSWORD),
        ("reset-password", "--email", OWNER, "--passwort", PASSWORD),
        ("login-link",),
    ],
)
def test_wrong_usage_has_its_own_exit_status_or_shows_the_help(arguments: tuple[str, ...]) -> None:
    ended = call_waypost("user", *arguments)

    assert ended.returncode == (2 if arguments else 0)
    assert "Traceback" not in ended.stderr


def test_a_new_password_ends_sessions_of_the_old_one(server: Serving) -> None:
    create(server, "reset@example.com")
    with httpx.Client(base_url=server.url, headers={"accept": "text/html"}) as browser:
        link = json.loads(user(server, "login-link", "--email", "reset@example.com", "--json").stdout)["url"]
        follow(browser, f"/login/{link.rpartition('/')[2]}")
        assert browser.get(HOME).status_code == 200

        given = ("reset-password", "--email", " RESET@example.com ", "--password-stdin", "--json")
        reset = user(server, *given, stdin=f"{OTHER_PASSWORD}\n")

        assert (reset.returncode, json.loads(reset.stdout)) == (0, {"email": "RESET@example.com"})
        assert browser.get(HOME).status_code == 303
    assert not signs_in(server, "reset@example.com", PASSWORD)
    assert signs_in(server, "reset@example.com", OTHER_PASSWORD)


def test_removing_a_user_asks_about_that_users_keys(server: Serving) -> None:
    create(server, "leaving@example.com")
    with httpx.Client(base_url=server.url, headers={"accept": "text/html"}) as browser:
        follow(browser, f"/login/{json.loads(link_of(server, 'leaving@example.com').stdout)['url'].rpartition('/')[2]}")
        token = Document(browser.get("/developer/apikeys").text).value("_csrf_token")
        form = {"_csrf_token": token, "name": "Loader", "scope": "read", "days": ""}
        made = Document(browser.post("/developer/apikeys", data=form, follow_redirects=True).text)
        key = made.all("code", **{"class": "copyable"})[0].text

        asked = user(server, "remove", "--email", "leaving@example.com")
        removed = user(server, "remove", "--email", "leaving@example.com", "--revoke-keys", "--yes", "--json")
        again = user(server, "remove", "--email", "leaving@example.com", "--keep-keys")

        refused(asked, f"--keep-keys is needed: Loader ({key[:12]}…) still work")
        assert (removed.returncode, len(json.loads(removed.stdout)["revoked"])) == (0, 1)
        refused(again, "is not a user's e-mail address")
        assert browser.get(HOME).status_code == 303


def link_of(server: Serving, email: str) -> subprocess.CompletedProcess[str]:
    return user(server, "login-link", "--email", email, "--json")


def follow(browser: httpx.Client, link: str) -> int:
    """Open a login link, say yes, and give the status of the answer."""
    token = Document(browser.get(link).text).value("_csrf_token")
    return browser.post(link, data={"_csrf_token": token}).status_code


def test_a_login_link_signs_in_once(server: Serving) -> None:
    made = user(server, "login-link", "--email", OWNER, "--url", f"{server.url}/", "--json")

    answer = json.loads(made.stdout)
    assert (made.returncode, list(answer), answer["minutes"]) == (0, ["url", "minutes"], 15)
    assert re.fullmatch(re.escape(server.url) + "/login/[A-Za-z0-9_-]{43}", answer["url"])
    with httpx.Client(headers={"accept": "text/html"}) as browser, httpx.Client() as second:
        assert follow(browser, answer["url"]) == 303
        assert browser.get(f"{server.url}{HOME}").status_code == 200
        assert follow(second, answer["url"]) == 422


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({}, "{running}"),
        ({"WAYPOST_HOST": "::1", "WAYPOST_PORT": "9000"}, "{running}"),
        ({"WAYPOST_PUBLIC_URL": "https://tracking.example.com/"}, "https://tracking.example.com"),
    ],
)
def test_a_login_link_uses_the_servers_public_url(server: Serving, settings: dict[str, str], place: str) -> None:
    made = user(server, "login-link", "--email", OWNER, **settings)

    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(f"{place.format(running=server.url)}/login/")
    assert made.stdout.count("\n") == 1


def test_every_user_command_works_without_a_running_server() -> None:
    with open_place() as place:
        stopped = Serving(place, {})
        at = ("--data-dir", str(stopped.data_dir))
        given = ("--password", PASSWORD, *at)
        run_waypost("migrate", *at)
        run_waypost("account", "create", "--email", OWNER, "--name", "Shop", *given)

        made = run_waypost("user", "create", "--email", MEMBER, "--account", OWNER, "--json", *given)
        link = run_waypost("user", "login-link", "--email", MEMBER, *at)
        reset = run_waypost("user", "reset-password", "--email", MEMBER, "--password", OTHER_PASSWORD, "--json", *at)

        assert [ended.returncode for ended in (made, link, reset)] == [0, 0, 0], (made, link, reset)
        assert json.loads(made.stdout)["email"] == json.loads(reset.stdout)["email"] == MEMBER
        assert link.stdout.startswith("http://127.0.0.1:8080/login/")
