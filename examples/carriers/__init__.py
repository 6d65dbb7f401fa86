"""Stand-ins for twelve carriers on this machine: each answers in its carrier's own format and moves parcels along.

``journeys`` are parcels as values, ``fleet`` decides who sees which step when, ``formats`` has one module for each
carrier's requests and answers, ``stand_in`` puts them together, and ``server`` speaks HTTP. The formats are written
from the carriers' own documents, not from Waypost's adapters, so that each can prove the other wrong.
"""
