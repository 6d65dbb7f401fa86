"""A small shop with a webhook endpoint: it receives Waypost's events, e-mails its customers and shows parcels."""
