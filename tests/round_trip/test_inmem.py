"""Round trips through the in-memory broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk

from .suite import Desk, Placing, RoundTrip


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with bk.connect("inmem://") as session:
        yield Desk(session)


class TestInmem(RoundTrip, Placing):
    """All of it."""
