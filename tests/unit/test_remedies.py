"""Each failure has one remedy, and only a redirect to the same place can be adopted."""

import pytest

from waypost.actions.remedies import LONGEST_TARGET, redirect_target, remedy, same_place
from waypost.domain.attempts import Cause, Outcome

HERE = "http://shop.example/hook?a=1"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_each_failure_has_a_remedy(outcome: Outcome) -> None:
    assert (remedy(outcome, None, None) is None) is (outcome is Outcome.SUCCEEDED)


@pytest.mark.parametrize("code", [401, 403])
def test_rejected_requests_hint_at_logins_and_custom_headers(code: int) -> None:
    said = remedy(Outcome.HTTP_4XX, code, None) or ""

    assert "login" in said
    assert "custom header" in said


@pytest.mark.parametrize("cause", [one for one in Cause if not one.startswith("body_")])
def test_each_cause_of_a_failure_has_its_own_remedy(cause: Cause) -> None:
    general = remedy(Outcome.TLS_FAILED, None, None)

    assert remedy(Outcome.TLS_FAILED, None, None, cause) not in (None, general)
    assert remedy(Outcome.SUCCEEDED, 200, None, cause) is None


def test_a_body_fault_does_not_hide_the_remedy_of_the_status() -> None:
    assert remedy(Outcome.HTTP_4XX, 404, None, Cause.BODY_CUT) == remedy(Outcome.HTTP_4XX, 404, None)


def test_the_remedy_of_413_names_the_setting_of_the_limit() -> None:
    said = remedy(Outcome.HTTP_4XX, 413, None) or ""

    assert all(words in said for words in ("nginx", "Express", "PHP"))


def test_the_remedy_of_a_self_signed_certificate_names_its_requirements() -> None:
    said = remedy(Outcome.TLS_FAILED, None, None, Cause.CA_CERTIFICATE) or ""

    assert "CA:FALSE" in said
    assert "WAYPOST_CA_BUNDLE" in said


def test_a_long_redirect_target_is_truncated() -> None:
    said = remedy(Outcome.HTTP_3XX, 301, "https://shop.example/" + "x" * 5000) or ""

    assert "https://shop.example/xxx" in said
    assert len(said) < LONGEST_TARGET + 100


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/hook/", "http://shop.example/hook/"),
        ("https://shop.example/hook", "https://shop.example/hook"),
        ("//evil.example/hook", "http://evil.example/hook"),
        *[(location, None) for location in (None, "", "javascript:probe()", "http://[", "data:text/html,x")],
    ],
)
def test_a_redirect_to_another_scheme_has_no_target(location: str | None, target: str | None) -> None:
    assert redirect_target(HERE, location) == target


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (HERE, "https://shop.example/hook?a=1"),
        (HERE, "http://shop.example/hook/?a=1"),
        (HERE, "https://shop.example/hook/?a=1"),
        ("http://shop.example/hook/", "http://shop.example/hook"),
        ("https://shop.example:8443/hook", "https://shop.example:8443/hook/"),
    ],
)
def test_https_or_a_trailing_slash_is_the_same_place(url: str, target: str) -> None:
    assert same_place(url, target) == target


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (HERE, HERE),
        (HERE, "https://evil.example/hook?a=1"),
        (HERE, "https://shop.example.evil.example/hook?a=1"),
        (HERE, "https://shop.example@evil.example/hook?a=1"),
        (HERE, "https://evil.example\\@shop.example/hook?a=1"),
        (HERE, "https://www.shop.example/hook?a=1"),
        (HERE, "https://shop.example/login?a=1"),
        (HERE, "https://shop.example/hook?a=2"),
        (HERE, "https://shop.example:8443/hook?a=1"),
        (HERE, "http://shop.example:8080/hook?a=1"),
        (HERE, "https://shop.example/hook?a=1#x"),
        ("https://shop.example/hook", "http://shop.example/hook/"),
        ("http://shop.example:8080/hook", "https://shop.example/hook"),
        (HERE, "javascript:probe()"),
    ],
)
def test_anything_else_is_another_place(url: str, target: str) -> None:
    assert same_place(url, target) is None
