"""The header that warns of new parcels whose number is also tracked with other couriers."""

from collections.abc import Mapping, Sequence
from typing import Final

from waypost.actions.shared_numbers import SharedNumber

ALSO_TRACKED: Final = "waypost-also-tracked"
MOST_WARNED: Final = 20


def also_tracked(shared: Sequence[SharedNumber]) -> Mapping[str, str]:
    """Return the header, such as ``A1=dhl+ups`` for each of up to ``MOST_WARNED`` parcels; empty if there are none."""
    named = ", ".join(f"{one.tracking_number}={'+'.join(one.also_tracked_with)}" for one in shared[:MOST_WARNED])
    return {ALSO_TRACKED: named} if named else {}
