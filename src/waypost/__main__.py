"""``python -m waypost`` is the command ``waypost``."""

import sys

from waypost.cli import main

sys.exit(main())
