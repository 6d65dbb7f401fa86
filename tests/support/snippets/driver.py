"""The driver of the Python snippets: ``driver.py <snippet>``."""

import base64
import json
import runpy
import sys

verify = runpy.run_path(sys.argv[1])["verify"]
for line in sys.stdin:
    given = json.loads(line)
    try:
        verify(base64.b64decode(given["body_base64"]), given["headers"], given["key"])
    except ValueError as refusal:
        if type(refusal) is not ValueError:
            raise
        sys.stdout.write(f"refused: {refusal}\n")
    else:
        sys.stdout.write("ok\n")
