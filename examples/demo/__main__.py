"""``make demo``: run Waypost on real input until Ctrl-C; ``DEMO_SECONDS=20 make demo`` ends on its own.

The exit status is 0 only if every event arrived at the shop, verified and in order.
"""

import os
import signal
import sys
from collections import Counter
from pathlib import Path

from examples.demo.children import Children
from examples.demo.failures import DemoFailed, Stopped, Unreachable
from examples.demo.folder import database_folder, held_folder
from examples.demo.screen import Screen
from examples.demo.settings import DemoSettings, read_settings
from examples.demo.signals import Signals
from examples.demo.stage import Programs, Setting, Stage, set_stage
from examples.demo.verdict import Verdict
from examples.demo.watch import Watch

_KILLED = 128  # shells add this to a signal's number


def main() -> int:
    """Run the demo in the current folder and return the exit code."""
    signals = Signals()
    signals.listen()
    return run(Path.cwd() / ".demo", Programs(), signals, Screen())


def run(folder: Path, programs: Programs, signals: Signals, screen: Screen) -> int:
    """Run the demo with these programs in this folder, which is emptied, and return the exit code."""
    try:
        settings = read_settings(os.environ)
        with (
            held_folder(folder) as lock,
            database_folder(folder) as database,
            Children(folder, lock) as children,
        ):
            try:
                return _run(Setting(folder, database, settings, children, signals, programs), screen)
            except Unreachable:
                children.check()  # usually a program has just ended, and its log says why
                raise
    except DemoFailed as failure:
        screen.say(str(failure), "red")
        return 1
    except Stopped as stopped:
        screen.say("Stopped before all parcels were there.")
        return _KILLED + stopped.signal_number


def _run(setting: Setting, screen: Screen) -> int:
    screen.say("Starting four carriers, Waypost with its own PostgreSQL, and a shop. Logs are in .demo/")
    stage = set_stage(setting)
    _announce(stage, setting.settings, screen)
    watch = Watch(stage, setting.children, setting.signals, screen)
    verdict = watch.until_all_arrived(setting.settings.limit_seconds)
    _conclude(verdict, screen)
    code = 1 if verdict.missing else 0
    if setting.settings.seconds is not None:
        return code
    _show_around(stage, screen)
    try:
        watch.for_ever()
    except Stopped as stopped:
        screen.say("\nStopping.")
        return code if stopped.signal_number == signal.SIGINT else _KILLED + stopped.signal_number


def _announce(stage: Stage, settings: DemoSettings, screen: Screen) -> None:
    parcels, detected = stage.plan.parcels, stage.detected
    carriers = Counter(parcel.carrier for parcel in parcels)
    counts = ", ".join(f"{count} of {name}" for name, count in carriers.items())
    screen.say(f"\n{len(parcels)} parcels are on their way for about {settings.route_seconds} seconds: {counts}.")
    screen.say(f"{detected.tracking_number} was registered without a courier, and recognised by its number.\n")
    screen.place("Shop", stage.shop.url + "/")
    screen.place("A parcel", f"{stage.shop.url}/track/{stage.plan.parcels[0].tracking_number}")
    screen.place("Waypost", f"{stage.login_link} (signs you in, works once)")
    if stage.waypost.status("/docs") == 200:  # noqa: PLR2004 - OK
        screen.place("API docs", stage.waypost.url + "/docs")
    screen.place("API call", f"curl -H 'Tracking-Api-Key: {stage.api_key}' {stage.waypost.url}/v1/deliveries")
    screen.say("")


def _show_around(stage: Stage, screen: Screen) -> None:
    """Print where to look; the pages need the sign-in above."""
    url, number = stage.waypost.url, stage.detected.tracking_number
    screen.say("\nEverything keeps running. Look at:")
    screen.place("Sources", f"{url}/sources (the four connections, and how many calls each has left)")
    screen.place("Detected", f"{url}/trackings?search={number} (registered without a courier; Waypost detected it)")
    screen.place("Webhooks", f"{url}/developer/webhooks/history (every delivery with its attempts)")
    screen.place("The shop", f"{stage.shop.url}/ (what its customers see)")
    screen.say("End it with Ctrl-C.")


def _conclude(verdict: Verdict, screen: Screen) -> None:
    screen.say("")
    for sentence in verdict.missing:
        screen.say(sentence, "red")
    screen.say(verdict.summary, "bold red" if verdict.missing else "bold green")


if __name__ == "__main__":
    sys.exit(main())
