"""The check of wording: ``phrases.toml`` lists what to avoid, ``search.py`` finds it, ``make check`` runs both."""
