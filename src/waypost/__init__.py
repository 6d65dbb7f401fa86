"""Waypost: a self-hosted server for shipment-tracking webhooks.

Carriers' news come in through ``intake``, become rows (trackings, events, deliveries) in one transaction,
and leave through ``dispatch`` as signed HTTP POSTs. ARCHITECTURE.md shows the way of the data.
"""
