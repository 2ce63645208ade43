"""The conformance suite on the in-memory broker, with records."""

from __future__ import annotations

import pytest

from brokerkit.testing import Conformance, Harness

from .test_inmem import InmemHarness


@pytest.fixture(scope="module")
def harness() -> Harness:
    return InmemHarness("record")


class TestInmemRecords(Conformance):
    """All behaviours, with records where either model has them."""
