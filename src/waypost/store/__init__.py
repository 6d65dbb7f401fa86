"""PostgreSQL: named statements (``sql/*.sql``), migrations and the embedded server.

Takes values of the domain and returns rows of ``store.rows``; no other package imports the database driver.
``database`` opens connections, ``statements`` names and counts what is sent, and each of the other modules holds the
statements of one subject. ``intake_rows``, ``watches`` and ``queue`` serve the engine. What people see is read by
``endpoints``, ``deliveries`` and the like, which write nothing, so that the faces may call them; what people change is
written by ``endpoint_changes`` and the like, which only actions and the engine call.

A function that writes is named after what SQL does to the rows (insert, update, delete, lock, mark) or by the queue's
own verb (claim, settle, rescue), and its statement has the same name. What people do (add, change, revoke, resend) are
the names of ``actions``.
"""
