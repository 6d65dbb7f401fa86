"""The bridge to karrio: more carriers, by a library that runs in processes and an environment of its own.

``table`` lists the carriers. ``worker`` is the script that karrio's interpreter runs, ``processes`` starts, limits and
replaces those processes, ``bridge`` asks them, and ``read`` makes an update of what they answer. The processes reach no
network: each request that karrio wants to make is made by Waypost itself (``sources.fenced``).
"""
