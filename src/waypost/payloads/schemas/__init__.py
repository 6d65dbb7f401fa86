"""The JSON Schemas (2020-12) of the bodies, one file per version, served unchanged.

A test keeps each schema in step with what its version renders: same keys, same order, every rendered body valid.
"""

from importlib.resources import files
from typing import Final

_FILES: Final = {"V2": "webhook-v2.json", "V3": "webhook-v3.json", "V4": "webhook-v4.json"}


def load(version: str) -> bytes:
    """Return the schema of a version's body as JSON text. Raise KeyError for a version without one."""
    return files(__name__).joinpath(_FILES[version]).read_bytes()
