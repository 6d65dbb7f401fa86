"""Runs the worker script where no karrio is installed."""

import runpy
import sys
from pathlib import Path

sys.modules["karrio"] = None  # type: ignore[assignment]  # that is how an import is made to fail
WORKER = Path(__file__).parents[3] / "src" / "waypost" / "sources" / "karrio" / "worker.py"
runpy.run_path(str(WORKER), run_name="__main__")
