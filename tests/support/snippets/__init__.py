"""Runs the snippets that verify webhooks: one small driver per language, and how each is built and started.

A driver is given a snippet, reads one JSON object per line, {"body_base64", "headers", "key"}, and writes one line for
each: "ok" or "refused: <message>". An error of another kind than the snippet's own ends it: that is a crash.
"""
