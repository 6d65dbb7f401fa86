"""The main job on real input: four carriers, Waypost and a shop, run by one command and watched until all has arrived.

``python -m examples.demo`` reads, top to bottom: settings → stage (start everything) → watch (a line for each
delivery) → verdict (did all arrive, verified and in order?).
"""
