"""Housekeeping: partitions, retention, expiry, what endpoints that are off left behind, old idempotency keys.

Comes in: the database as it is and the clock. Goes out: the database in order, and updates to intake for parcels that
expire. Run by ``app``, in one process or several: each duty is done by one keeper at a time.
"""
