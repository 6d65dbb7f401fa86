"""The composition root: builds every part from the settings and runs them in one process and one event loop.

In come ``Settings``, out goes a server that answers until it is told to stop. Called by ``cli`` only. ``composition``
wires, ``storage`` opens the database, ``server`` is Granian, ``supervisor`` starts again what ended.
"""
