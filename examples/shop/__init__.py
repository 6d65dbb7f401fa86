"""A small shop that owns a webhook endpoint: it takes Waypost's news, writes to its customers and shows the way."""
