"""What the operator sees: log lines and metrics.

Comes in: events of structlog and of the standard library's loggers, and counts that others keep. Goes out: one line
an event on standard error, JSON or text, and the text of /metrics. No secret is in either. A process that writes lines
only loads ``logs`` only.
"""
