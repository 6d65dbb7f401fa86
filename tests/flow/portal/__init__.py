"""Tests: the pages, without a browser."""
