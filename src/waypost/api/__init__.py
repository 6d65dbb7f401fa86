"""JSON over HTTP: ``v1`` is our own API, ``v4`` is TrackingMore's wire.

Input: requests with an account's key. Output: JSON, and updates for intake. The HTTP server that ``app`` composes calls
this package. ``parts`` holds its dependencies, and ``application`` assembles the routes.
"""
