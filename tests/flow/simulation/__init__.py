"""Dispatch on a virtual clock: the real intake, claim, attempt, settle and rescue over a real PostgreSQL.

In comes a seed, out comes nothing, or the promise that was broken and how to run that seed again. ``clock`` makes the
database believe in a time that the test sets; ``world`` decides what happens next; ``ledger`` sees what clients and
receivers see and judges it; ``bugs`` plants the mistakes that the ledger has to find.
"""
