"""Real registries, and registries behind a proxy."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from brokerkit.sandbox.registries import RegistryServer

REAL = [
    pytest.param("schema_registry_server", marks=pytest.mark.broker),
    pytest.param("apicurio_server", marks=pytest.mark.broker),
]


@pytest.fixture(params=REAL)
def server(request: pytest.FixtureRequest) -> RegistryServer:
    """Each of the real registries."""
    found: RegistryServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def subject() -> str:
    """The name of a subject that no other test has, with characters that a path must escape."""
    return f"a/b ä-{uuid.uuid4().hex[:8]}-value"


@pytest.fixture(autouse=True)
def schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep schemas in a folder of the test."""
    monkeypatch.setenv("BROKERKIT_SCHEMAS", str(tmp_path / "schemas"))
