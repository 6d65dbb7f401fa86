"""Stores results with their date in ``benchmarks/results``."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def keep(found: dict[str, Any], *, suffix: str = "") -> None:
    """Write the results to a file named after their time, ``found["at"]``."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{found['at'].replace(':', '').replace('+0000', 'Z')}{suffix}.json"
    file.write_text(json.dumps(found, indent=1) + "\n")
    print(f"kept in {file.relative_to(Path.cwd())}" if file.is_relative_to(Path.cwd()) else f"kept in {file}")
