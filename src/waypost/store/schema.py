"""The schema of a database as text: the statements that create it, whatever the schema is called."""

from waypost.store.statements import Session, fetch


async def dump(session: Session) -> str:
    """Return the statements that create every object of the session's first schema, except day partitions.

    Equal schemas give equal texts on one version of PostgreSQL. ``store/schema.sql`` is this text for a database that
    has all migrations.
    """
    return "".join(f"{row['text']};\n\n" for row in await fetch(session, "dump_schema"))
