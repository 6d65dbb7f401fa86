"""A small shop that owns a webhook endpoint: it verifies, keeps and shows what Waypost sends. Standard library only."""
