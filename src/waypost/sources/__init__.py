"""Where updates come from, one folder for each kind of source.

``carriers`` polls carriers; ``couriers`` is the table of couriers and finds out whose a tracking number may be. A
carrier takes a tracking number and the shop's facts, and returns an ``Update`` or raises a ``CarrierError``
(``domain.carriers``). The composition root passes the carriers to intake's poll loop, which decides when to poll. Only
``http`` sends requests.
"""
