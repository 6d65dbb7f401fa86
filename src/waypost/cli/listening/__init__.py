"""What ``waypost listen`` is made of: fetch events, hand each to a local program as a delivery would, remember where.

Comes in: pages of ``/v1/events``. Goes out: signed POSTs to the URL that was typed, and a line for each event.
"""
