"""Runs the worker script with the stand-in's package instead of karrio."""

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "package"))
WORKER = HERE.parents[2] / "src" / "waypost" / "sources" / "karrio" / "worker.py"
runpy.run_path(str(WORKER), run_name="__main__")
