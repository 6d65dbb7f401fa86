"""The bundled PostgreSQL: its folder, its cluster, its process, and how other commands find it."""
