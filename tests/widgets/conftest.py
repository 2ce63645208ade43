"""A session on a broker of its own, and what a view in the browser was told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.workbench import Session


@pytest.fixture
def s() -> Iterator[Session]:
    with bk.connect("inmem://") as session:
        yield session
