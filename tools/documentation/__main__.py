"""``make docs``: write the pages that are generated from the code, and the whole documentation as static pages."""

import sys

from tools.documentation import reference, static


def main() -> int:
    """Write both, and print what was written."""
    for name in reference.write():
        print(f"docs/{name} is new", file=sys.stderr)
    print(f"{static.build()} pages in {static.FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
