"""Server-rendered pages for a shop's developers, one module for each page.

Comes in: a browser's request and what actions are done with. Goes out: HTML that works without script. Called by the
composition root. What is done with endpoints is done by ``api``'s own functions, so that a page and a call never
differ; pages show the objects of v1.
"""
