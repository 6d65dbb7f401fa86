"""Parcels as CSV files: validate and import the rows of a file, and export all parcels of an account."""
