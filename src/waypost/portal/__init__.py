"""Server-rendered pages for a shop's developers, one module for each page.

Input: a browser's request, and the context for actions. Output: HTML that works without JavaScript. The composition
root calls this package. Pages use the same ``actions`` as the API, so a page and a call never differ.
"""
