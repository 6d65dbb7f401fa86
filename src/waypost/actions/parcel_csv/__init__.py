"""Parcels as files of CSV: the rows of one are checked and registered, and all parcels of an account become one."""
