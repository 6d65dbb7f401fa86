"""The API described for programs and people: OpenAPI 3.1, made from the handlers and the types of their answers.

Each module with handlers says in its ``OPERATIONS`` what their signatures can't; ``document`` makes the whole of it
and answers it as ``/openapi.json``. The pages show it as ``/docs``.
"""
