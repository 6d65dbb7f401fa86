"""What an action refuses, as a command says it."""

from waypost.actions.refusals import Invalid, Refusal


def in_one_line(refusal: Refusal) -> str:
    """Return what was refused: each field with what is wrong with it, or the sentence."""
    if isinstance(refusal, Invalid):
        return "; ".join(f"{fault.field}: {fault.message}" for fault in refusal.faults)
    return refusal.sentence
