"""PostgreSQL: named statements (``sql/*.sql``), migrations and the embedded server.

In come values of the domain, out go rows of ``store.rows``; nobody else imports the database driver. ``database``
opens connections, ``statements`` names and counts what is sent, the other modules hold one subject's queries each:
``intake_rows`` and ``queue`` are the engine's, ``accounts``, ``endpoints`` and ``history`` serve the API.
"""
