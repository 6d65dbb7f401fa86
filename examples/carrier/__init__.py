"""A stand-in for DHL on this machine: answers in DHL's own form and moves twenty parcels along their routes.

``routes`` are the parcels as data, ``wire`` DHL's JSON, ``carrier`` who sees which step when, ``server`` the HTTP.
"""
