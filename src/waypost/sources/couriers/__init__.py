"""The couriers that Waypost knows by name, and which of them a tracking number may belong to.

``table/*.toml`` has a heading for each courier, sorted, by region; ``formats.toml`` describes what numbers look like.
Both are loaded on first use. A courier that is added there is listed and detected without a change of code. The API and
the pages use this package; whether a courier can be polled for a parcel is a separate matter (``domain.carriers``).
"""
