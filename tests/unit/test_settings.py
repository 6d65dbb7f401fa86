"""Settings: their sources, which one takes precedence, and the errors for invalid ones."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.support.certificates import make_authority
from waypost.domain.errors import SettingsError
from waypost.settings import Settings, default_data_dir, read_settings, unknown_variables


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"WAYPOST_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def problems(**options: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read_settings(options)
    return caught.value.problems


def test_options_override_the_environment_which_overrides_the_file(monkeypatch):
    Path("waypost.toml").write_text("port = 1\nmax_endpoints = 1\nhistory_days = 99\n")
    monkeypatch.setenv("WAYPOST_PORT", "2")
    monkeypatch.setenv("WAYPOST_MAX_ENDPOINTS", "2")

    settings = read_settings({"port": 3, "host": None})

    assert (settings.port, settings.max_endpoints, settings.history_days, settings.host) == (3, 2, 99, "127.0.0.1")


def test_lists_are_read_from_text_and_from_toml(monkeypatch):
    Path("waypost.toml").write_text('outgoing_ips = ["192.0.2.1", "2001:db8::1"]\nRATE_LIMIT = false\n')
    monkeypatch.setenv("WAYPOST_EGRESS_ALLOW", "127.0.0.0/8, ::1/128")
    monkeypatch.setenv("WAYPOST_EGRESS_PORTS", "443,8000-8999")

    settings = read_settings({})

    assert settings.egress_allow == (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    assert [str(address) for address in settings.outgoing_ips] == ["192.0.2.1", "2001:db8::1"]
    assert (8500 in settings.egress_ports, 80 in settings.egress_ports) == (True, False)
    assert settings.rate_limit == "off"


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("port", "eighty", "integer"),
        ("port", "70000", "less than or equal to 65535"),
        ("history_days", "17", "greater than or equal to 18"),
        ("retry_limit", "15", "less than or equal to 14"),
        ("database_url", "mysql://host/database", "postgresql://"),
        ("egress_allow", "127.0.0.1/8", "host bits set"),
        ("egress_ports", "0", "port"),
        ("secret_key", "short", "16 characters"),
        ("contact", "a b", "no spaces"),
        ("egress_ports", "443,+3000", "'+3000' is neither a port"),
        ("public_url", "ftp://x", "https://"),
        ("public_url", "https://shop.example/waypost", "no path"),
        ("public_url", "https://shop.example?a=b", "no query"),
        ("public_url", "https://user@shop.example", "https://"),
        ("carrier_dhl_base_url", "http://dhl.example.com", "https"),
        ("log_level", "loud", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_an_invalid_value_is_rejected_with_the_variable_and_valid_values(monkeypatch, name, value, right):
    monkeypatch.setenv(f"WAYPOST_{name.upper()}", value)

    (problem,) = problems()

    assert problem.startswith(f"WAYPOST_{name.upper()}: ")
    assert right in problem


def test_a_public_url_loses_its_trailing_slash():
    assert read_settings({"public_url": "https://shop.example:8443/"}).public_url == "https://shop.example:8443"


def test_ports_with_a_plus_are_added_to_the_default(monkeypatch):
    monkeypatch.setenv("WAYPOST_EGRESS_PORTS", "+3000, +5000-5001,6000")

    ports = read_settings({}).egress_ports

    assert [port for port in (80, 443, 8080, 8443, 3000, 5001, 6000, 3001) if port not in ports] == [3001]
    assert ports.text == "80,443,8080,8443,3000,5000-5001,6000"


def test_all_problems_are_reported_at_once_with_their_sources(monkeypatch):
    Path("waypost.toml").write_text("history_days = 1\n")
    monkeypatch.setenv("WAYPOST_RETRY_LIMIT", "-1")

    told = problems(port=-1)

    assert [line.split(": ")[0] for line in sorted(told)] == ["--port", "WAYPOST_RETRY_LIMIT", "waypost.toml"]


def test_an_unknown_name_in_the_file_is_an_error_that_names_the_nearest():
    Path("waypost.toml").write_text("histroy_days = 30\n")

    assert problems() == ("waypost.toml: histroy_days is not a setting: did you mean history_days?",)


def test_a_file_that_is_not_toml_is_an_error():
    Path("waypost.toml").write_text("port 80")

    assert "waypost.toml can't be read" in problems()[0]


def test_an_unknown_variable_is_reported_with_a_suggestion():
    told = unknown_variables({"WAYPOST_DATA_DRI": "x", "WAYPOST_PORT": "1", "PATH": "x", "WAYPOST_\x1b[2J": "x"})

    assert told == [
        "WAYPOST_\\x1b[2J is not a setting.",
        "WAYPOST_DATA_DRI is not a setting: did you mean WAYPOST_DATA_DIR?",
    ]


def test_secrets_appear_in_neither_repr_nor_errors(monkeypatch):
    secret = "a-very-secret-key-of-this-shop"
    monkeypatch.setenv("WAYPOST_SECRET_KEY", secret)
    monkeypatch.setenv("WAYPOST_DATABASE_URL", f"mysql://u:{secret}@host/d")

    assert secret not in problems()[0]
    monkeypatch.delenv("WAYPOST_DATABASE_URL")
    assert secret not in repr(read_settings({}))


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("WAYPOST_PORT", "")

    assert read_settings({}).port == 8080


def test_history_must_outlive_the_retries():
    assert "WAYPOST_HISTORY_DAYS must be" in problems(history_days=18, retry_base_seconds=3600)[0]


def test_the_data_directory_is_in_the_users_home_unless_root(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", "/data/of/me")

    assert default_data_dir() == Path("/data/of/me/waypost")


def test_a_certificate_bundle_is_checked_before_anything_starts(tmp_path):
    bundle = tmp_path / "ours.pem"
    bundle.write_bytes(make_authority().pem + make_authority().pem)

    assert read_settings({"ca_bundle": str(bundle)}).ca_bundle == bundle


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "must be a PEM file with at least one certificate"),
        (b"junk", "must be a PEM file with at least one certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "must be a PEM file"),
    ],
)
def test_a_bundle_without_certificates_is_rejected_with_the_reason(tmp_path, content, problem):
    bundle = tmp_path / "ours.pem"
    if content is not None:
        bundle.write_bytes(content)

    (told,) = problems(ca_bundle=str(bundle))

    assert told.startswith("--ca-bundle: ")
    assert problem in told
