"""DHL Shipment Tracking - Unified: one API for DHL Express, Parcel, eCommerce and Deutsche Post; see doc.md.

``client`` asks, ``answer`` is the wire, ``read`` turns an answer into an ``Update``, ``codes`` reads a scan's
substatus off its code and texts.
"""
