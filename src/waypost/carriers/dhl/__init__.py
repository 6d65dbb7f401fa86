"""DHL Shipment Tracking - Unified: one API for DHL Express, Parcel, eCommerce and Deutsche Post; see doc.md.

``client`` asks, ``answer`` is the wire, ``parse`` turns an answer into an ``Update``, ``meaning`` reads a scan's
substatus off its code and texts.
"""
