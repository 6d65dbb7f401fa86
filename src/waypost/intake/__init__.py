"""Turns updates into changes, events and deliveries, committed together in batches of one transaction each.

``Intake.submit`` is called by the API and by the poller; it returns once the update and everything that follows from it
are durable. After the commit it hints which endpoints have something to send; losing the hint costs only latency.
"""
