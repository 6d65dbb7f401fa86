"""Ask carriers what they know of a parcel: one folder for each, a request and an answer turned into an ``Update``.

In come a tracking number and the shop's facts; out goes an ``Update`` or a ``CarrierError`` (``domain.carriers``).
The poll loop of intake is handed these sources by the composition root and decides when to ask. Only ``http`` sends.
"""
