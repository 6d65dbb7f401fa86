"""The main job on real input: four carriers, Waypost and a shop, run with one command until everything has arrived.

``python -m examples.demo`` runs, in this order: settings → stage (start everything) → watch (a line for each
delivery) → verdict (did everything arrive, verified and in order?).
"""
