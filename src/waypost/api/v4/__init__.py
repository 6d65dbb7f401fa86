"""TrackingMore's API v4: every response is one line of ASCII JSON in an envelope of ``meta`` and ``data``."""
