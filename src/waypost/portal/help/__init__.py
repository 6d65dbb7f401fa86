"""``/help`` and ``/docs``: the documentation and the API reference, served from the package."""
