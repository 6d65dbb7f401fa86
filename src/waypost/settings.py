"""The operator's settings: command-line options, then environment variables WAYPOST_*, then ./waypost.toml.

The settings page of the documentation is generated from these classes: the text below each setting describes it.
"""

import math
import os
import re
import stat
import tomllib
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from waypost.domain.errors import SettingsError
from waypost.domain.retry import JITTER, LONGEST_RETRY_AFTER_SECONDS
from waypost.domain.targets import DEFAULT_EGRESS_PORTS, Ports
from waypost.setting_values import (
    Address,
    Addresses,
    CertificateFile,
    Contact,
    DatabaseUrl,
    MailAddress,
    MailServerUrl,
    Networks,
    PortRanges,
    SchemaName,
    decided,
)
from waypost.source_settings import SourceSettings

PREFIX: Final = "WAYPOST_"
OF_COMMANDS: Final = frozenset({"API_KEY", "URL"})
"""Variables that are not server settings: `listen`, `trigger` and `mcp` read them."""

FILE: Final = "waypost.toml"
SHORTEST_SECRET_KEY: Final = 16
_DAY_SECONDS: Final = 86_400


def default_data_dir() -> Path:
    """Return the default directory of the embedded database: a system directory for root, otherwise the user's own."""
    if os.geteuid() == 0:
        return Path("/var/lib/waypost")
    home = os.environ.get("XDG_DATA_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "share") / "waypost"


def _dispatch_processes() -> int:
    return 1 if os.cpu_count() == 1 else 2


warnings.filterwarnings("ignore", 'Field name "schema"', UserWarning)  # shadows a method that pydantic has given up


class Settings(SourceSettings):
    """All settings, validated. Secrets never appear in ``repr`` or errors."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )

    host: str = "127.0.0.1"
    """The address that the server listens on."""
    port: int = Field(default=8080, ge=0, le=65_535)
    """The port that the server listens on; 0 for a free one."""
    database_url: DatabaseUrl | None = None
    """Your own PostgreSQL, as `postgresql://user:password@host/database`. By default Waypost starts an embedded one."""
    schema: SchemaName = None
    """The database schema of Waypost's tables, created by `waypost migrate`.

    Installations with separate schemas can share a database; they share nothing else."""
    engine_connections: int = Field(default=6, ge=1, le=100)
    """The maximum number of database connections per process for accepting updates and sending."""
    serving_connections: int = Field(default=4, ge=1, le=100)
    """The maximum number of database connections per process for pages and API calls. One account uses at most all but
    one of them."""
    data_dir: Path = Field(default_factory=default_data_dir)
    """The directory of the embedded PostgreSQL: /var/lib/waypost for root, otherwise $XDG_DATA_HOME/waypost."""
    min_free_disk: int | None = Field(default=None, ge=0)
    """How many MB must be free on the data directory's disk for updates to be accepted. Deliveries continue below that.

    By default 512 MB or 5% of the disk, whichever is less."""
    pg_bin: Path | None = None
    """The directory of PostgreSQL's programs, to use instead of the bundled ones."""
    secret_key: SecretStr | None = None
    """The key that encrypts endpoint secrets: at least 16 characters, never changed, required with a database URL.

    Without a database URL, it is generated once and stored in the data directory."""

    public_url: str | None = None
    """The URL at which people and carriers reach this server, such as `https://tracking.example.com`, without a path.

    With https, the pages' cookies are sent over TLS only."""
    contact: Contact | None = None
    """A URL or e-mail address for receivers of webhooks, included in the `user-agent` of every request."""
    smtp_url: MailServerUrl | None = None
    """The mail server: `smtp://user:password@host:587` with STARTTLS, or `smtps://user:password@host:465`.

    Requires `WAYPOST_SMTP_FROM`. A server in a private network also needs `WAYPOST_EGRESS_ALLOW`."""
    smtp_from: MailAddress | None = None
    """The sender of mail, such as `Waypost <waypost@example.com>`."""
    operator_email: MailAddress | None = None
    """The address that gets a mail about each incident of the installation, such as a nearly full disk."""
    operator_alert_url: SecretStr | None = None
    """The URL of a webhook, workflow or topic that gets the same; `WAYPOST_OPERATOR_ALERT_SERVICE` is its kind."""
    operator_alert_service: Literal["slack", "teams", "ntfy"] = "slack"
    """The kind of `WAYPOST_OPERATOR_ALERT_URL`; `slack` is also right for Mattermost, Rocket.Chat and Discord."""
    heartbeat_url: SecretStr | None = None
    """A URL that gets a POST every minute while Waypost works, for a service that raises the alarm when they stop."""
    trusted_proxies: Networks = ()
    """The networks of proxies whose `X-Forwarded-For` is trusted for rate limits, logs and the audit log."""
    rate_limit: Annotated[Literal["on", "off"], BeforeValidator(decided)] = "on"
    """Whether calls and reports per second and account are limited: `on` or `off`."""
    updates_scans_per_second: float = Field(default=5_000, gt=0, le=1_000_000_000)
    """How many scans per second an account can report with `POST /v1/updates`. An update counts as at least one scan.

    Unused capacity accumulates for 20 seconds, so 100,000 scans can arrive at once. Each `web` process counts
    separately."""
    updates_bytes_per_second: float = Field(default=8 << 20, gt=0, le=1_000_000_000_000)
    """How many bytes per second an account can report with `POST /v1/updates`, accumulating as for scans."""

    egress_allow: Networks = ()
    """Private networks to which webhooks can be sent, such as `10.0.0.0/8,::1/128`."""
    egress_ports: PortRanges = Ports.parse(DEFAULT_EGRESS_PORTS)
    """The ports and port ranges to which webhooks can be sent. A list replaces the default; `+3000` adds to it."""
    outgoing_ips: Addresses = ()
    """The addresses that webhooks are sent from, published to receivers."""
    source_address: Address | None = None
    """The local address from which webhooks are sent."""
    ca_bundle: CertificateFile | None = None
    """A PEM file with root certificates of your own, trusted for webhooks in addition to the system's.

    It can contain a receiver's self-signed certificate if that has CA:FALSE."""
    http_timeout_seconds: float = Field(default=15.0, gt=0, le=30)
    """The time limit of an attempt as a whole, in seconds."""
    dispatch_processes: int = Field(default_factory=_dispatch_processes, ge=1, le=64)
    """How many sending processes `waypost serve` or `waypost dispatch` has for work; 2 on more than one core."""
    dispatch_inside: Annotated[Literal["on", "off"], BeforeValidator(decided)] = "on"
    """Whether `waypost serve` and `waypost dispatch` send in their own process while there is little to send: `on` or
    `off`. With `off`, the sending processes always run."""
    retry_base_seconds: float = Field(default=30.0, gt=0, le=3600)
    """The wait before the first retry, in seconds. Each further wait is twice as long."""
    retry_limit: int = Field(default=14, ge=0, le=14)
    """The maximum number of retries after a failed first attempt."""
    quota_parcels: int | None = Field(default=None, ge=0)
    """How many parcels an account can have; unlimited by default. `waypost account quota` sets it for one account."""
    quota_updates_per_day: int | None = Field(default=None, ge=0)
    """How many updates an account can report per UTC day; unlimited by default."""
    quota_disk_bytes: int | None = Field(default=None, ge=0)
    """How many bytes an account's parcels and events can use, as estimated by the keeper every minute."""
    max_endpoints: int = Field(default=4, ge=1, le=100)
    """How many endpoints an account can have."""
    history_days: int = Field(default=30, ge=18, le=3650)
    """The number of days for which events, deliveries, attempts and the statistics of endpoints are kept."""
    customer_days: int = Field(default=30, ge=30, le=3650)
    """After how many days facts about persons are erased from a parcel that has ended and no longer changes."""
    audit_days: int = Field(default=730, ge=30, le=36_500)
    """The number of days for which entries of the audit log are kept. The newest entry of an account stays."""
    backup_dir: Path | None = None
    """The folder in which the keeper makes a backup every day; the last seven days and four weeks are kept."""
    backup_key: Literal["on", "off"] = "on"
    """Whether these backups include the secret key. With `off`, keep a copy of it elsewhere."""

    karrio_python: Path | None = None
    """The Python interpreter of an environment with karrio, for more carriers (see the guide to more carriers)."""
    karrio_processes: int = Field(default=2, ge=1, le=64)
    """How many carriers karrio can be polling at once, each in a process with 60 to 200 MB of memory."""

    poll_speed: float = Field(default=1.0, gt=0, le=1_000_000)
    """The factor by which polling is accelerated, for demonstrations and tests."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe lines that are logged."""
    log_format: Literal["json", "text"] | None = None
    """How a server logs, `json` or `text`; the default is text on a terminal, otherwise JSON."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Name the sources in their order: options, environment, file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, InitSettingsSource(settings_cls, _file_values())

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_SECRET_KEY:
            raise ValueError(f"must have at least {SHORTEST_SECRET_KEY} characters")
        if value is not None and not value.get_secret_value().isprintable():
            raise ValueError("must be UTF-8 without control characters")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        found = re.fullmatch(r"(?P<origin>https?://[^\s/?#@]+)(?P<rest>[^\s@]*)", value)
        if found is None:
            raise ValueError("must begin with https:// (or http://)")
        if found["rest"] not in ("", "/"):
            raise ValueError(
                "must have no path and no query: Waypost needs a host of its own, such as https://waypost.…"
            )
        return found["origin"]

    @model_validator(mode="after")
    def _mail_has_a_sender(self) -> Self:
        if self.smtp_url is not None and self.smtp_from is None:
            raise ValueError("WAYPOST_SMTP_FROM is required with WAYPOST_SMTP_URL")
        return self

    @model_validator(mode="after")
    def _history_outlives_retries(self) -> Self:
        longest = 0.0
        for retry in range(self.retry_limit):
            own = self.retry_base_seconds * 2**retry * (1 + JITTER)
            longest += max(own, LONGEST_RETRY_AFTER_SECONDS) + self.http_timeout_seconds
        needed = math.ceil(longest / _DAY_SECONDS)
        if self.history_days < needed:
            raise ValueError(
                f"WAYPOST_HISTORY_DAYS must be at least {needed}: WAYPOST_RETRY_BASE_SECONDS and WAYPOST_RETRY_LIMIT"
                " can keep a delivery waiting that long"
            )
        return self


def read_settings(options: Mapping[str, object]) -> Settings:
    """Return the settings; ``options`` that are not None override environment and file. Raise SettingsError."""
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError(_problem(one, given) for one in error.errors()) from None


def file_seen_by_others() -> Path | None:
    """Return the path of ./waypost.toml if other users of the machine can read it, None otherwise."""
    path = Path(FILE)
    try:
        readable = path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    except OSError:
        return None
    return path.absolute() if readable else None


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return a warning for each unknown WAYPOST_* variable, with the setting that was probably meant."""
    own = {name.upper().removeprefix(PREFIX): name for name in sorted(environment) if name.upper().startswith(PREFIX)}
    known = [name.upper() for name in Settings.model_fields]
    return [
        _unknown(name, [PREFIX + near for near in get_close_matches(short, known, 1)])
        for short, name in own.items()
        if short not in known and short not in OF_COMMANDS
    ]


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def given_by_option(settings: Settings) -> dict[str, str]:
    """Return the settings that an option may have set, as variables for a child process; it reads the others itself."""
    given = {variable("data_dir"): str(settings.data_dir)}
    if settings.database_url is not None:
        given[variable("database_url")] = settings.database_url.get_secret_value()
    return given


def _unknown(name: str, nearest: list[str]) -> str:
    # ascii, so that a hostile name can't control the terminal.
    return f"{ascii(name)[1:-1]} is not a setting" + (f": did you mean {nearest[0]}?" if nearest else ".")


def _file_values() -> dict[str, Any]:
    """Return the values of ./waypost.toml, in which names can also be upper case."""
    try:
        values = tomllib.loads(Path(FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError([f"{FILE} can't be read: {error}."]) from None
    return {name.lower(): value for name, value in values.items()}


def _problem(error: ErrorDetails, options: Mapping[str, object]) -> str:
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be").rstrip(".")
    if not error["loc"]:
        return f"{message}."
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"{FILE}: {_unknown(name, get_close_matches(name, list(Settings.model_fields), 1))}"
    return f"{_where(name, options)}: {message}."


def _where(name: str, options: Mapping[str, object]) -> str:
    """Return the source of a value: the first one that has it."""
    if name in options:
        return f"--{name.replace('_', '-')}"
    if any(key.upper() == variable(name) and value for key, value in os.environ.items()):
        return variable(name)
    return f"{FILE}: {name}"
