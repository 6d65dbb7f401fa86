"""Words an action's refusal for the command line."""

from waypost.actions.refusals import Invalid, Refusal


def in_one_line(refusal: Refusal) -> str:
    """Return the refusal in one line: each invalid field with the reason, or the sentence."""
    if isinstance(refusal, Invalid):
        return "; ".join(f"{fault.field}: {fault.message}" for fault in refusal.faults)
    return refusal.sentence
