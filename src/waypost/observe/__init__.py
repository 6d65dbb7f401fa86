"""What the operator sees: log lines and metrics.

Takes events of structlog and of the standard library's loggers, and counts that other parts keep; writes one line per
event to standard error, as JSON or text, and the text of /metrics. Neither contains a secret. A process that only logs
loads only ``logs``.
"""
