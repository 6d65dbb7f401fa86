"""Sign and verify: TrackingMore's V2, V3 and V4 signatures, and Standard Webhooks.

Takes a secret or e-mail address, a timestamp and a body; returns signatures or header lines, or raises a
``VerificationError`` that names the check that failed. Called by dispatch (sign) and receiver (verify). Uses the
standard library only, and neither a clock nor random numbers: both are arguments.
"""
