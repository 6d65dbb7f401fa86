"""The composition root: builds every part from the settings and runs them in one process and one event loop.

Takes ``Settings`` and runs a server until it is stopped. Called by ``cli`` only. ``composition`` wires the parts,
``storage`` opens the database, ``server`` is Granian, ``supervisor`` restarts what ended.
"""
