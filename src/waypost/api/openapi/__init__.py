"""Describes the API for programs and people: OpenAPI 3.1, made from the handlers and the types of their responses.

The ``OPERATIONS`` of each module with handlers add what signatures can't say; ``document`` assembles everything and
serves it as ``/openapi.json``. The pages show it as ``/docs``.
"""
