"""Backups: a folder with a consistent copy of the database, a manifest that judges it, and perhaps the secret key."""
