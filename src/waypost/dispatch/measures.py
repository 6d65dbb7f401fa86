"""What a dispatcher tells of itself: what metrics and health are made of, also from another process."""

import msgspec


class Measures(msgspec.Struct, frozen=True):
    """One process's dispatching. ``statements``: the SQL statements by name of a process other than the one asked."""

    running: bool
    in_flight: int
    statements: dict[str, int] = {}
