"""``WAYPOST_SECRET=whsec_… python -m examples.shop PORT FOLDER``: run the shop, with its files in FOLDER."""

import json
import os
import signal
import sys
from pathlib import Path

from examples.shop.ledger import Ledger
from examples.shop.mail import Outbox
from examples.shop.server import Shop


def main() -> None:
    """Serve until Ctrl-C or SIGTERM; the first line on stdout is JSON with the shop's URL."""
    try:
        port, folder, secret = int(sys.argv[1]), Path(sys.argv[2]), os.environ["WAYPOST_SECRET"]
    except (LookupError, ValueError):
        sys.exit(f"Usage: {(__doc__ or '').partition(':')[0]}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with Shop(port, Ledger(folder / "shop.sqlite3", Outbox(folder / "outbox")), secret) as shop:
        print(json.dumps({"url": shop.url}), flush=True)
        shop.serve_forever()


if __name__ == "__main__":
    main()
