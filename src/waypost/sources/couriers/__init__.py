"""The couriers that Waypost knows by name, and which of them a tracking number may belong to.

``table/*.toml`` holds a courier for each heading, sorted, by region; ``formats.toml`` how numbers look. Both are read
when first asked for. A courier that is added there is listed and detected without a change of code. The API and the
pages ask here; whether a courier can be asked for a parcel is another matter (``domain.carriers``).
"""
