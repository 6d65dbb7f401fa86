"""Wires the parts of the server together; nothing runs here yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypedDict

from litestar.types import ASGIApp

from waypost.actions.context import KeyContext, Mailing
from waypost.actions.track_links import TrackLinks
from waypost.api.application import make_application, make_monitoring
from waypost.api.call_limits import CallLimits
from waypost.api.keys import Keys
from waypost.api.page_ends import PageEnds
from waypost.api.parts import Parts
from waypost.api.push_rates import PushRates
from waypost.api.report_rates import ReportRates
from waypost.app.alerting import alert_parts, make_mailing
from waypost.app.backing_up import scheduled_backups
from waypost.app.compressing import compressed
from waypost.app.dispatch_moves import MovingDispatch
from waypost.app.dispatching import DispatchProcesses
from waypost.app.front import behind_proxies, for_our_host, head_as_get, refusing_slowly
from waypost.app.health import Health
from waypost.app.hinting import Notifier
from waypost.app.pushes import receiving
from waypost.app.refusals import RefusalPace
from waypost.app.registering import usual_quota
from waypost.app.request_log import logged
from waypost.app.resting import Resting
from waypost.app.roles import Role
from waypost.app.sending import make_guard, retry_policy
from waypost.app.sources import Polling, Sources, open_sources, registering
from waypost.app.storage import Storage
from waypost.app.supervisor import Part
from waypost.app.watchdog import STALLS
from waypost.domain.retry import Policy
from waypost.intake.collector import Intake
from waypost.keeper.keeper import Keeper
from waypost.keeper.troubles import Signs
from waypost.portal.application import PageSet, make_pages
from waypost.portal.rendering import compile_templates
from waypost.settings import Settings
from waypost.sources.polled import courier_codes, pollable_codes
from waypost.store.database import Database
from waypost.store.embedded.room import DiskRoom
from waypost.store.vault import Vault

TEST_SLACK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts of a process; ``intake`` and ``sources`` outlive its ``parts``, which the supervisor keeps running.

    With Role.WEB ``application`` answers all requests, otherwise only health and metrics. ``prepare`` runs in a thread
    and does what would otherwise delay the first requests.
    """

    application: ASGIApp
    parts: tuple[Part, ...]
    intake: Intake | None = None
    sources: Sources | None = None
    prepare: Callable[[], None] = lambda: None


def compose(settings: Settings, storage: Storage, secret_key: str, roles: frozenset[Role]) -> Engine:
    """Build the parts of a process that does more than dispatch."""
    database, notifier = storage.database, Notifier(storage.database)
    dispatch = _dispatch(settings, storage, secret_key) if Role.DISPATCH in roles else None
    hints = dispatch or notifier
    with_bridge = settings.karrio_python is not None
    codes, polled = courier_codes(with_bridge=with_bridge), pollable_codes(with_bridge=with_bridge)
    vault, has_room = Vault(secret_key), _disk_room(settings)
    intake = Intake(database, polled=polled, hint=hints.hint, has_room=has_room)
    parts = [Part("hints", notifier.serve)] if dispatch is None else dispatch.parts()
    sources = open_sources(settings, vault)
    keeper = _keeper(settings, storage, intake, has_room) if Role.KEEP in roles else None
    parts += _polling_parts(settings, database, intake, sources, codes) if Role.POLL in roles else []
    parts += _housekeeping_parts(storage, intake, keeper)
    pushes = receiving(settings, database, intake, vault, has_room)
    parts += pushes.parts if Role.WEB in roles else []
    health = Health(database, tuple(parts), None if dispatch is None else dispatch.measures, keeper, has_room=has_room)
    parts += alert_parts(settings, database, vault, health.ready) if Role.KEEP in roles else []
    if Role.WEB not in roles:
        return Engine(_fronted(settings, make_monitoring(health)), tuple(parts), intake, sources)
    handed = Parts(
        database=database,
        intake=intake,
        **pushes.handed,
        codes=codes,
        probe=sources.probe,
        keys=Keys(KeyContext(database=database, quotas=pushes.handed["quotas"])),
        check_url=make_guard(settings).check,
        max_endpoints=settings.max_endpoints,
        hint=hints.hint,
        hint_by_hand=hints.hint_by_hand,
        test_seconds=settings.http_timeout_seconds + TEST_SLACK_SECONDS,
        outgoing_ips=tuple(map(str, settings.outgoing_ips)),
        ready=health.ready,
        metrics=health.metrics,
        page_ends=PageEnds(),
        **_for_people(settings, secret_key),
        **_limits(settings, database),
    )
    served = _fronted(settings, make_application(handed, _pages(settings, handed, secret_key)))
    return Engine(served, tuple(parts), intake, sources, compile_templates)


def _dispatch(settings: Settings, storage: Storage, secret_key: str) -> DispatchProcesses | MovingDispatch:
    alone = storage.server is not None
    if settings.dispatch_inside == "off":
        return DispatchProcesses(settings, alone=alone)
    return MovingDispatch(settings, storage.database, secret_key, alone=alone)


class _ForPeople(TypedDict):
    """Links to tracking pages, mail, and how deliveries are retried, to be read."""

    track_links: TrackLinks
    mailing: Mailing | None
    retries: Policy


def _for_people(settings: Settings, secret_key: str) -> _ForPeople:
    links = TrackLinks(secret_key, public_url=settings.public_url)
    return _ForPeople(track_links=links, mailing=make_mailing(settings), retries=retry_policy(settings))


def _polling_parts(
    settings: Settings, database: Database, intake: Intake, sources: Sources, codes: Mapping[str, frozenset[str]]
) -> list[Part]:
    polling = Polling(database, intake, sources, codes=codes, speed=settings.poll_speed)
    return [Part("poller", polling.serve), Part("registrations", registering(database, sources).serve)]


def _housekeeping_parts(storage: Storage, intake: Intake, keeper: Keeper | None) -> list[Part]:
    resting = Resting(None if storage.server is None else storage.database)
    parts = [Part("unread_scans", intake.unread.serve), Part("rest", resting.serve)]
    return parts if keeper is None else [*parts, Part("keeper", keeper.serve)]


def _keeper(settings: Settings, storage: Storage, intake: Intake, has_room: Callable[[], bool]) -> Keeper:
    backups = scheduled_backups(settings)
    days, quota = settings.history_days, usual_quota(settings)
    signs = Signs(has_room=has_room, stalls=lambda: STALLS.count, backups=backups)
    return Keeper(
        storage.database,
        intake,
        history_days=days,
        customer_days=settings.customer_days,
        audit_days=settings.audit_days,
        quota=quota,
        backups=backups,
        signs=signs,
    )


def _disk_room(settings: Settings) -> Callable[[], bool]:
    """Return a function that says whether updates may be accepted; only the embedded PostgreSQL's disk is visible."""
    if settings.database_url is not None:
        return lambda: True
    return DiskRoom(settings.data_dir, least_megabytes=settings.min_free_disk)


class _Limits(TypedDict):
    call_limits: CallLimits | None
    report_rates: ReportRates | None
    push_rates: PushRates | None


def _limits(settings: Settings, database: Database) -> _Limits:
    if settings.rate_limit == "off":
        return _Limits(call_limits=None, report_rates=None, push_rates=None)
    size = settings.updates_bytes_per_second
    rates = ReportRates(scans=settings.updates_scans_per_second, size=size)
    return _Limits(call_limits=CallLimits(database), report_rates=rates, push_rates=PushRates(size=size))


def compose_dispatch(settings: Settings, storage: Storage, secret_key: str) -> Engine:
    """Build a process that only dispatches, itself or in processes of its own."""
    dispatch = _dispatch(settings, storage, secret_key)
    parts = tuple(dispatch.parts())
    application = make_monitoring(Health(storage.database, parts, dispatch.measures, None))
    return Engine(_fronted(settings, application), parts)


def _fronted(settings: Settings, application: ASGIApp) -> ASGIApp:
    """Return the application wrapped in the checks that every request passes first."""
    refusing = refusing_slowly(application, RefusalPace())
    answering = compressed(for_our_host(settings.public_url, refusing))
    fronted = head_as_get(behind_proxies(settings.trusted_proxies, answering))
    return logged(fronted) if settings.log_level == "debug" else fronted


def _pages(settings: Settings, parts: Parts, secret_key: str) -> PageSet:
    return make_pages(
        parts,
        form_secret=sha256(b"forms" + secret_key.encode()).hexdigest(),
        public_url=settings.public_url,
        outgoing_ips=parts.outgoing_ips,
    )
