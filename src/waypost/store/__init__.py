"""PostgreSQL: named statements (``sql/*.sql``), migrations and the embedded server.

Takes values of the domain and returns rows of ``store.rows``; no other package imports the database driver.
``database`` opens connections, ``statements`` names and counts what is sent, and each of the other modules holds the
queries of one subject: ``intake_rows`` and ``queue`` serve the engine, ``accounts``, ``endpoints`` and ``deliveries``
the API.
"""
