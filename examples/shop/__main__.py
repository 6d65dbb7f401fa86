"""``WAYPOST_SECRET=whsec_… python -m examples.shop PORT FOLDER``: run the shop, which keeps its file in FOLDER."""

import json
import os
import signal
import sys
from pathlib import Path

from examples.shop.ledger import Ledger
from examples.shop.server import Shop
from examples.shop.signature import key_of


def main() -> None:
    """Serve until Ctrl-C or SIGTERM; the first line on stdout is JSON with the shop's URL."""
    try:
        port, folder, key = int(sys.argv[1]), Path(sys.argv[2]), key_of(os.environ["WAYPOST_SECRET"])
    except (LookupError, ValueError):
        sys.exit(f"Usage: {(__doc__ or '').partition(':')[0]}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with Shop(port, Ledger(folder / "shop.sqlite3"), key) as shop:
        print(json.dumps({"url": f"http://127.0.0.1:{shop.server_port}"}), flush=True)
        shop.serve_forever()


if __name__ == "__main__":
    main()
