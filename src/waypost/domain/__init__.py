"""Values and rules only: what a tracking, a checkpoint, an event and a delivery are, and how they change.

Nothing here does I/O, reads a clock or draws random numbers: times and randomness are arguments. Every package may
import it; it imports none of ours.
"""
