"""What opens, changes and closes when the troubles that are found are compared with the known incidents."""

from datetime import UTC, datetime
from uuid import UUID

from waypost.domain.incidents import Changed, Closed, Incident, Kind, NewIncident, Trouble, changes

AT = datetime(2026, 3, 2, 6, tzinfo=UTC)
MINE = UUID(int=1)


def known(trouble: Trouble) -> Incident:
    return Incident(
        id=UUID(int=5),
        account=trouble.account,
        kind=trouble.kind,
        subject=trouble.subject,
        stage=trouble.stage,
        message=trouble.message,
        details=trouble.details,
        opened_at=AT,
        closed_at=None,
        change=UUID(int=5),
    )


def failing(stage: int = 0, subject: str = "ep_1", message: str = "It fails.") -> Trouble:
    return Trouble(MINE, Kind.ENDPOINT_FAILING, subject, message, stage)


def ending(incident: Incident) -> str:
    return f"{incident.subject} is over."


def test_a_trouble_is_opened_once() -> None:
    assert list(changes([], [failing()], ending)) == [NewIncident(failing())]
    assert list(changes([known(failing())], [failing()], ending)) == []


def test_what_is_no_longer_found_is_closed_before_others_are_opened() -> None:
    disabled = Trouble(MINE, Kind.ENDPOINT_DISABLED, "ep_1", "It is disabled.")

    found = list(changes([known(failing())], [disabled], ending))

    assert found == [Closed(known(failing()), "ep_1 is over."), NewIncident(disabled)]


def test_only_a_later_stage_reminds() -> None:
    before = known(failing(stage=1))

    assert list(changes([before], [failing(stage=2)], ending)) == [Changed(before, failing(stage=2), reminds=True)]
    assert list(changes([before], [failing(stage=1, message="Its URL changed.")], ending)) == [
        Changed(before, failing(stage=1, message="Its URL changed."), reminds=False)
    ]


def test_accounts_and_subjects_are_troubles_of_their_own() -> None:
    others = Trouble(UUID(int=2), Kind.ENDPOINT_FAILING, "ep_1", "It fails.")

    found = list(changes([known(failing())], [failing(), failing(subject="ep_2"), others], ending))

    assert found == [NewIncident(failing(subject="ep_2")), NewIncident(others)]
