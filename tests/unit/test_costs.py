"""What tests cost is counted with all that they start."""

import subprocess
import sys

from tests.support.costs import spent

SECONDS = 0.05
SPENDING = f"""
import subprocess, sys, time
if sys.argv[1:]: subprocess.Popen([sys.executable, "-S", "-c", sys.argv[1]]).wait()
while time.process_time() < {SECONDS}: pass
"""


def test_what_programs_spend_is_counted_with_what_they_start_themselves() -> None:
    before = spent()

    subprocess.run([sys.executable, "-S", "-c", SPENDING, SPENDING], check=True)

    cost = spent().since(before)
    assert cost.clock >= SECONDS
    assert cost.processor >= 2 * SECONDS - 0.02  # it is counted in hundredths of a second
