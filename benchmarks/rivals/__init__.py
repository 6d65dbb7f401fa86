"""Compares the HTTP client and the database driver with their best rivals, on the work that dispatching gives them."""
