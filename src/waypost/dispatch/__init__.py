"""Deliveries in, attempts out: claim, guard, sign, send, decide, record.

``Dispatcher`` claims what is due and gives each delivery to ``Sender.run``; ``Recorder`` commits what came of it by
the hundred. No transaction is open while a request is under way; what a killed process held comes back by its lease.
"""
