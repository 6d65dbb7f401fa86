"""Turns deliveries into attempts: claim, guard, sign, send, decide, record.

``Dispatcher`` claims what is due and passes each delivery to ``Sender.run``; ``Recorder`` commits the results by the
hundred. No transaction is open during a request; deliveries that a killed process held return when their lease expires.
"""
