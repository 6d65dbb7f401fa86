"""``python -m tools.wording``: rejects phrases that read as translated, as ``phrases.toml`` lists them.

It reads docs, templates, messages, docstrings, comments and names. ``--count`` prints how often each phrase occurs.
"""

import sys
from collections import Counter
from collections.abc import Sequence

from tools.wording import search


def main(arguments: Sequence[str]) -> int:
    """Print each phrase found, and each exception that excuses nothing; return 1 if there is any."""
    rules = search.read_rules()
    found, excused = search.search(rules, search.files(rules))
    if "--count" in arguments:
        for pattern, number in Counter(one.phrase.pattern for one in found).most_common():
            print(f"{number:5d}  {pattern}")
        return 0
    for one in found:
        print(f"{one.path}:{one.line}: {one.text!r}: write {one.phrase.write}", file=sys.stderr)
    unused = [one for one in rules.exceptions if one not in excused]
    for exception in unused:
        print(f"{exception.path}: the exception {exception.text!r} excuses nothing: remove it", file=sys.stderr)
    return 1 if found or unused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
