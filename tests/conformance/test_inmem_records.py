"""The conformance suite on the in-memory broker, with records."""

from __future__ import annotations

import pytest

from brokerkit.testing import Harness, OtherModel

from .test_inmem import InmemHarness

# TestInmem has the behaviours of records, and these with messages
pytestmark = pytest.mark.extended


@pytest.fixture(scope="module")
def harness() -> Harness:
    return InmemHarness("record")


class TestInmemRecords(OtherModel):
    """The behaviours that either model has, with records."""
