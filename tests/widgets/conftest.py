"""A session on a broker of its own, and what a view in the browser was told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.workbench import Session


@pytest.fixture(scope="session", autouse=True)
def own_configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the filters that tests use out of the configuration of the person who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BROKERKIT_CONFIG", str(tmp_path_factory.mktemp("config") / "connections.toml"))
        yield


@pytest.fixture
def s() -> Iterator[Session]:
    with bk.connect("inmem://") as session:
        yield session
