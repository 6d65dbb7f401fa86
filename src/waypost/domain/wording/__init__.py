"""What the text of a scan says about a parcel, for carriers and callers that give no status with it.

In: a text as a carrier wrote it. Out: a ``Reading``: the substatus, and whether the text is unmistakable. Who calls it:
adapters of carriers, and ``/v1/updates``.

``languages/*.toml`` holds one language each: how carriers say a substatus, and how they plan, negate and condition. A
language is added there without code. A plan ("will be delivered"), a condition ("if you are not at home") and a
negation ("not delivered yet") are not read as what happened, and a doubtful text never ends a journey: a wrong
``delivered`` costs more than a missing one, since nothing but a return comes after it.

- ``read(text)`` gives the ``Reading`` or None; ``read_wording(text)`` its substatus alone.
- ``Reading.is_unmistakable``: the words leave no other meaning ("Out for delivery"), as against words that also
  accompany other events ("Delay", "Processed"). An ending is only ever read from unmistakable words.
- ``Reading.is_movement``: the text names a movement (arrived, departed, out for delivery), which may change a status
  that a scan of a general code keeps.
- ``load()`` reads the languages, 0.1 s of processor; a server does so before it answers, others when first asked.
"""

from waypost.domain.wording.lexicon import load
from waypost.domain.wording.reading import Reading, read, read_wording

__all__ = ["Reading", "load", "read", "read_wording"]
