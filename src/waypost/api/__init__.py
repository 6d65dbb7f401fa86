"""JSON over HTTP: ``v1`` is our own API, ``v4`` is TrackingMore's wire.

In come requests with an account's key, out go rows of the store as JSON, and updates to intake. Called by the HTTP
server that ``app`` composes; ``parts`` is what it is handed, ``application`` puts the routes together.
"""
