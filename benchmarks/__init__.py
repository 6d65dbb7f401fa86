"""``make bench``: the maximum of this machine, the throughput of Waypost on it, and their ratio, in one run.

``ceiling`` posts without a store, ``whole`` runs `waypost serve` from updates to recorded attempts, ``pace`` measures
latency at a steady rate. All of them post the bodies of ``load`` to a ``receiver`` in a process of its own.
"""
