"""Housekeeping: partitions, retention, expiry, deliveries of disabled endpoints, old idempotency keys.

Reads the database and the clock, keeps the database in order, and sends updates to intake for parcels that expire. Run
by ``app``, in one process or several: each duty is done by one keeper at a time.
"""
