"""Sets the stage: carriers, Waypost and a shop run, the carriers are connected, and the parcels are registered."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from examples.demo.children import Child, Children, last_lines
from examples.demo.failures import DemoFailed
from examples.demo.goods import order
from examples.demo.ports import chosen_port, free_port
from examples.demo.settings import DemoSettings
from examples.demo.signals import Signals
from examples.demo.site import Site
from examples.demo.verdict import Parcel, Plan

E_MAIL: Final = "demo@waypost.example"
_ROOT: Final = Path(__file__).parents[2]
_READY_SECONDS: Final = 120
_ACCOUNT_SECONDS: Final = 60
_KEPT: Final = "WAYPOST_PG_BIN"
_ANY: Final = "the-stand-in-accepts-any-credential"
CONNECTIONS: Final = {
    "dhl": ("api_key",),
    "ups": ("client_id", "client_secret"),
    "fedex": ("client_id", "client_secret"),
    "laposte": ("api_key",),
}
"""The carriers of the demo, with the credentials to connect each."""
_GRANTED: Final = {"calls_per_second": "100", "daily_calls": "8640000"}

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Programs:
    """The commands of the demo, without their options."""

    carriers: tuple[str, ...] = (sys.executable, "-m", "examples.carriers")
    waypost: tuple[str, ...] = (sys.executable, "-m", "waypost")
    shop: tuple[str, ...] = (sys.executable, "-m", "examples.shop")


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs, with its settings; ``detected`` is the parcel that was registered without a courier."""

    plan: Plan
    detected: Parcel
    waypost: Site
    shop: Site
    webhook_url: str
    api_key: str
    login_link: str


@dataclass(frozen=True, slots=True)
class Setting:
    """What every step of setting the stage needs."""

    folder: Path
    database: Path
    settings: DemoSettings
    children: Children
    signals: Signals
    programs: Programs

    def start(self, name: str, command: tuple[str, ...], environment: dict[str, str]) -> Child:
        """Start one of the programs."""
        return self.children.start(name, command, _environment() | environment)

    def wait(self, what: str, look: Callable[[], _Value | None]) -> _Value:
        """Look repeatedly until there is something. Raise DemoFailed after two minutes, or if a program ends."""
        until = time.monotonic() + _READY_SECONDS
        while (found := look()) is None:
            self.children.check()
            if time.monotonic() > until:
                raise DemoFailed(f"{what} within {_READY_SECONDS} seconds; its log is in {self.folder}.")
            self.signals.pause(0.05)
        return found


def set_stage(setting: Setting) -> Stage:
    """Start everything, and return when the parcels are on their way."""
    port = free_port() if setting.settings.port is None else chosen_port(setting.settings.port)
    shop_port = free_port(besides=port)
    carriers = _start_carriers(setting)
    waypost = _start_waypost(setting, carriers, port)
    api_key = _create_account(setting)
    api = Site(waypost.url, {"tracking-api-key": api_key})
    webhook_url = f"http://127.0.0.1:{shop_port}/webhooks/waypost"
    shop = _start_shop(setting, shop_port, _create_endpoint(api, webhook_url))
    _connect(api)
    plan = msgspec.convert(carriers.get("/_plan"), Plan)
    detected = next(parcel for parcel in reversed(plan.parcels) if parcel.carrier == "ups")
    _register(api, plan, detected, setting.signals)
    return Stage(plan, detected, api, shop, webhook_url, api_key, _login_link(setting, waypost.url))


def _start_carriers(setting: Setting) -> Site:
    only = [part for name in CONNECTIONS for part in ("--only", name)]
    seconds = str(setting.settings.route_seconds)
    command = (*setting.programs.carriers, "--port", "0", "--seconds", seconds, *only)
    return _announced(setting, setting.start("Carriers", command, {}))


def _start_waypost(setting: Setting, carriers: Site, port: int) -> Site:
    environment = {
        # Only the operator can set a carrier's URL; the credentials are the account's own, see ``_connect``.
        **{f"WAYPOST_CARRIER_{name.upper()}_BASE_URL": f"{carriers.url}/{name}" for name in CONNECTIONS},
        "WAYPOST_POLL_SPEED": f"{setting.settings.poll_speed:.0f}",
        "WAYPOST_EGRESS_ALLOW": "127.0.0.0/8,::1/128",
        "WAYPOST_EGRESS_PORTS": "80,443,1024-65535",
        "WAYPOST_RETRY_BASE_SECONDS": "1",
        "WAYPOST_RATE_LIMIT": "off",  # three creations per second are too few for twenty parcels at once
    }
    setting.start(
        "Waypost", (*setting.programs.waypost, "serve", "--port", str(port), *_data_folder(setting)), environment
    )
    site = Site(f"http://127.0.0.1:{port}")
    setting.wait("Waypost was not ready", lambda: True if site.status("/health/ready") == 200 else None)  # noqa: PLR2004 - OK
    return site


def _create_account(setting: Setting) -> str:
    who = ("--email", E_MAIL, "--password-stdin", "--name", "The little shop")
    return _told(setting, ("account", "create", *who), "api_key")


def _login_link(setting: Setting, url: str) -> str:
    return _told(setting, ("user", "login-link", "--email", E_MAIL, "--url", url), "url")


def _told(setting: Setting, command: tuple[str, ...], name: str) -> str:
    """Run a command of Waypost and return one value of its JSON. Raise DemoFailed if it fails."""
    try:
        ran = subprocess.run(  # noqa: S603 - the command is our own
            (*setting.programs.waypost, *command, "--json", *_data_folder(setting)),
            cwd=setting.folder,
            env=_environment(),
            input=secrets.token_urlsafe() + "\n",
            capture_output=True,
            text=True,
            timeout=_ACCOUNT_SECONDS,
            check=True,
        )
        return str(json.loads(ran.stdout)[name])
    except (subprocess.SubprocessError, ValueError, LookupError, TypeError) as error:
        setting.signals.check()  # Ctrl-C has ended it, too
        said = getattr(error, "stderr", None) or str(error)
        raise DemoFailed(f"waypost {' '.join(command[:2])} did not work:\n{last_lines(str(said))}") from error


def _create_endpoint(api: Site, url: str) -> str:
    endpoint = {"url": url, "description": "The little shop", "version": "V4", "statuses": "all"}
    return str(api.post("/v1/endpoints", endpoint)["secret"])


def _start_shop(setting: Setting, port: int, secret: str) -> Site:
    command = (*setting.programs.shop, str(port), str(setting.folder))
    return _announced(setting, setting.start("Shop", command, {"WAYPOST_SECRET": secret}))


def _connect(api: Site) -> None:
    """Connect the carriers as a user does: Waypost tests the credentials before it stores them."""
    for name, fields in CONNECTIONS.items():
        credentials = dict.fromkeys(fields, _ANY)
        api.post("/v1/connections", {"source": name, "credentials": credentials, "settings": _GRANTED})


def _register(api: Site, plan: Plan, detected: Parcel, signals: Signals) -> None:
    for place, parcel in enumerate(plan.parcels):
        signals.check()
        courier = {"auto_correct": "1"} if parcel == detected else {"courier_code": parcel.courier_code}
        api.post("/v4/trackings/create", {"tracking_number": parcel.tracking_number} | courier | order(place))


def _announced(setting: Setting, child: Child) -> Site:
    """Wait for the line of JSON in which a program prints where it listens."""
    return Site(setting.wait(f"{child.name} did not say where it listens", lambda: _url_in(child.log)))


def _url_in(log: Path) -> str | None:
    for line in log.read_text("utf-8", "replace").splitlines(keepends=True):
        if line.startswith("{") and line.endswith("\n"):
            return str(json.loads(line)["url"])
    return None


def _data_folder(setting: Setting) -> tuple[str, str]:
    return "--data-dir", str(setting.database)


def _environment() -> dict[str, str]:
    """Return our environment without settings for Waypost: the demo must not write to a real database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WAYPOST_") or name == _KEPT}
    path = os.pathsep.join(filter(None, (str(_ROOT), str(_ROOT / "src"), os.environ.get("PYTHONPATH"))))
    return kept | {"PYTHONPATH": path}
