"""What a command answers on standard output: words for people, or JSON for programs."""

import json

import msgspec


def answer(value: object, words: str, *, as_json: bool) -> None:
    """Print the value of a command's answer as JSON, or its words."""
    if as_json:
        answer_json(value)
    else:
        print(words)  # noqa: T201 - the command's answer


def answer_json(value: object) -> None:
    """Print a value as one line of JSON, in ASCII: what others wrote must not control a terminal either."""
    print(json.dumps(msgspec.to_builtins(value)))  # noqa: T201 - the command's answer
