"""Prints what karrio's extensions need and whether they track, as JSON. Run by karrio's own interpreter."""

import contextlib
import io
import json
from importlib import import_module

with contextlib.redirect_stdout(io.StringIO()):  # karrio prints
    attr = import_module("attr")
    sdk = import_module("karrio.sdk")
    references = import_module("karrio.references")
    with contextlib.suppress(Exception):
        sdk.gateway["none"]  # which imports the extensions

described = {}
for name, metadata in references.PROVIDERS.items():
    fields = attr.fields(metadata.Settings)
    described[name] = {
        "tracks": any("get_tracking" in vars(one) for one in metadata.Proxy.__mro__ if "mappers" in one.__module__),
        "required": [one.name for one in fields if one.default is attr.NOTHING],
        "optional": [one.name for one in fields if one.default is not attr.NOTHING],
    }
print(json.dumps(described))  # noqa: T201 - the answer
