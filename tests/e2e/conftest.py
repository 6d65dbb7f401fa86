"""What the tests of running servers share."""

from collections.abc import Iterator

import pytest

from tests.support.ledger import Ledger, keeping_ledger


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with keeping_ledger() as ledger:
        yield ledger
