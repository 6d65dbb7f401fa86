"""What an action refuses, as a form says it: each field with what is wrong with it."""

from waypost.actions.refusals import Invalid, Refusal
from waypost.portal.wording import sentence


def errors_by_field(refusal: Refusal) -> dict[str, str]:
    """Return a sentence for each field of the form that can't be taken; ``""`` is about the whole form."""
    if not isinstance(refusal, Invalid):
        return {"": refusal.sentence}
    found: dict[str, list[str]] = {}
    for fault in refusal.faults:
        field, _, part = fault.field.partition(".")
        place = f"{part} " if part else ""
        found.setdefault(field.partition("[")[0], []).append(f"{place}{fault.message}")
    return {field: sentence("; ".join(messages)) for field, messages in found.items()}
