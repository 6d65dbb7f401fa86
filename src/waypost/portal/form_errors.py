"""Turn an action's refusal into the errors of a form, by field."""

from waypost.actions.refusals import Invalid, Refusal
from waypost.portal.wording import sentence


def errors_by_field(refusal: Refusal) -> dict[str, str]:
    """Return a sentence for each invalid field of the form; ``""`` stands for the form as a whole."""
    if not isinstance(refusal, Invalid):
        return {"": refusal.sentence}
    found: dict[str, list[str]] = {}
    for fault in refusal.faults:
        field, _, part = fault.field.partition(".")
        place = f"{part} " if part else ""
        found.setdefault(field.partition("[")[0], []).append(f"{place}{fault.message}")
    return {field: sentence("; ".join(messages)) for field, messages in found.items()}
