"""Where updates come from, one folder for each kind of source.

``carriers`` asks carriers; ``couriers`` is the table of couriers and whose a tracking number may be. In come a tracking
number and the shop's facts; out goes an ``Update`` or a ``CarrierError`` (``domain.carriers``). The poll loop of intake
is handed the carriers by the composition root and decides when to ask. Only ``http`` sends.
"""
