"""Sign and verify: TrackingMore's V2, V3 and V4 ways, and Standard Webhooks.

Comes in: a secret or e-mail address, a timestamp, a body. Goes out: signatures, header lines, or a
``VerificationError`` that names the check which failed. Called by dispatch (sign) and receiver (verify).
Standard library only; no clock and no random inside, both are arguments.
"""
