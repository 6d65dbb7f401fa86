"""Updates in, changes, events and deliveries out: committed together, in batches, each in one transaction.

``Intake.submit`` is called by the API and by the poller; it returns when the update and all that follows from it are
durable. After the commit it hints which endpoints have something to send; losing the hint costs only latency.
"""
