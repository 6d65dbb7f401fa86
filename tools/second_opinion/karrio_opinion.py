"""What karrio's parsers make of carriers' answers. Run by karrio's own interpreter, see ``__main__``.

Each line of the input is JSON: ``carrier``, ``number`` and ``body``. Each line of the output is karrio's status of the
parcel, or null if it finds none.
"""

import contextlib
import io
import json
import sys
from importlib import import_module
from typing import Any

lib: Any = import_module("karrio.lib")  # not installed in the environment that checks types
BY_NUMBER = ("dhl_universal", "ups", "usps")
"""These parsers take an answer for each number, the others one for all."""


class Settings:
    """The settings that a parser reads."""

    carrier_id = carrier_name = "karrio"
    tracking_url = "https://carrier.example/{}"
    language = "en"
    account_country_code = "US"

    def __getattr__(self, _: str) -> None:
        return None


def answer_of(carrier: str, number: str, body: str) -> Any:
    """Return an answer in the form that the parser takes."""
    if carrier == "canadapost":
        return lib.to_element(body)
    read = lib.to_dict(body)
    if carrier == "dhl_universal":
        return [read]
    return [(number, read)] if carrier in BY_NUMBER else read


def opinion(carrier: str, number: str, body: str) -> str | None:
    """Return karrio's status, an exception's name if its parser raises, or None without a parcel."""
    parser = import_module(f"karrio.providers.{carrier}.tracking")
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # karrio prints
            details, _ = parser.parse_tracking_response(
                lib.Deserializable(answer_of(carrier, number, body)), Settings()
            )
    except Exception as error:  # noqa: BLE001 - what it raises is its opinion
        return f"raises {type(error).__name__}"
    return details[0].status if details else None


for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(opinion(asked["carrier"], asked["number"], asked["body"])))
