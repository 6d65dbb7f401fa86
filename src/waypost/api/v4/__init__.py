"""TrackingMore's API v4: every answer is one line of ASCII JSON in its envelope of ``meta`` and ``data``."""
