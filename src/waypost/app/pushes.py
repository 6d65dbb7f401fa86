"""Composes what receives pushes: the addresses, the inbox, and the reader, which a process of the web role runs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypedDict

from waypost.actions.inbound import open_push
from waypost.actions.inbound_addresses import InboundAddresses
from waypost.actions.quotas import Quotas
from waypost.app.registering import usual_quota
from waypost.app.sources import detected
from waypost.app.supervisor import Part
from waypost.intake.collector import Intake
from waypost.intake.inbox import Inbox
from waypost.intake.push_reader import PushReader
from waypost.settings import Settings
from waypost.sources import senders
from waypost.store.database import Database
from waypost.store.vault import Vault


class PushParts(TypedDict):
    """What the API and the pages get for pushes."""

    vault: Vault
    quotas: Quotas
    addresses: InboundAddresses
    inbox: Inbox


@dataclass(frozen=True, slots=True)
class PushIntake:
    """What receives pushes in one process; ``parts`` are kept running by the supervisor."""

    handed: PushParts
    parts: tuple[Part, ...]


def receiving(
    settings: Settings, database: Database, intake: Intake, vault: Vault, has_room: Callable[[], bool]
) -> PushIntake:
    """Return what receives pushes; ``has_room`` says whether the disk has room for more."""
    quotas = Quotas(database, usual_quota(settings))
    inbox = Inbox(database, has_room=has_room)
    reader = PushReader(
        database,
        intake,
        inbox,
        open_push=partial(open_push, vault),
        read=senders.read,
        detect=detected,
        may_register=quotas.has_room,
    )
    addresses = InboundAddresses(database, vault, public_url=settings.public_url)
    parts = Part("inbox", inbox.serve), Part("push_reader", reader.serve)
    return PushIntake(PushParts(vault=vault, quotas=quotas, addresses=addresses, inbox=inbox), parts)
