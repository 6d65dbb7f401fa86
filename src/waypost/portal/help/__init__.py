"""``/help`` and ``/docs``: the documentation and the reference of the API, from the package."""
