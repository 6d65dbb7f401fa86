"""The stand-in for karrio."""
