"""What the text of a scan says about a parcel, for carriers and callers that give no status with it.

It takes a text as a carrier wrote it and returns a ``TextReading``: the substatus, and whether the text is
unmistakable. It is called where updates are merged, for scans that have no reading yet.

``languages/*.toml`` holds one language each: how carriers say a substatus, and how they plan, negate and condition.
Adding a language needs no code. A plan ("will be delivered"), a condition ("if you are not at home") and a negation
("not delivered yet") are not read as what happened, and a doubtful text never ends a journey: a wrong ``delivered``
costs more than a missing one, since only a return can follow it.

- ``read(text)`` returns the ``TextReading`` or None; ``read_wording(text)`` only its substatus.
- ``TextReading.is_unmistakable``: the words have no other meaning ("Out for delivery"), unlike words that also
  accompany other events ("Delay", "Processed"). An ending is only ever read from unmistakable words.
- ``load()`` loads the languages (0.1 s of CPU); a server does so before it accepts requests, other programs on first
  use.
"""

from waypost.domain.wording.lexicon import load
from waypost.domain.wording.reading import TextReading, read, read_wording

__all__ = ["TextReading", "load", "read", "read_wording"]
