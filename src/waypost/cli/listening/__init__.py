"""The parts of ``waypost listen``: fetch events, post each to a local program, remember the position.

Input: pages of ``/v1/events``. Output: signed POSTs to the URL that was typed, and a line for each event.
"""
