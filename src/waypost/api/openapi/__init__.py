"""The API described for programs and people: OpenAPI 3.1, made from the handlers and the types of their answers.

``v1``, ``v4`` and ``beside`` say of each handler what its signature can't; ``document`` makes the whole of it and
answers it as ``/openapi.json``. The pages show it as ``/docs``.
"""
