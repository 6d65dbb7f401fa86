"""Our own API: updates, endpoints, deliveries. Errors are problems (RFC 9457)."""
