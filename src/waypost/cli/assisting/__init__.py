"""The parts of ``waypost mcp``: the tools that an assistant may call, and what they tell.

Input: calls of tools. Output: facts from the API of a running server, in words where words help. Only ``server``
imports the package ``mcp``.
"""
