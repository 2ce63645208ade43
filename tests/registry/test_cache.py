"""Schemas on disk: kept by registry and id, never for a registry whose ids may mean something else tomorrow."""

from __future__ import annotations

from pathlib import Path

import pytest

from brokerkit.registry.cache import SchemaCache, keeps
from brokerkit.registry.schemas import RegisteredSchema, SchemaRef, SchemaReference

SEVEN = SchemaRef("id", 7)
SCHEMA = RegisteredSchema("PROTOBUF", 'syntax = "proto3";', (SchemaReference("a.proto", "a", 2),), SEVEN)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BROKERKIT_SCHEMAS", str(tmp_path / "schemas"))
    return tmp_path / "schemas"


def test_a_schema_is_found_again_by_its_registry_and_id() -> None:
    SchemaCache("https://one").save(SEVEN, SCHEMA)
    assert SchemaCache("https://one").load(SEVEN) == SCHEMA
    assert SchemaCache("https://other").load(SEVEN) is None
    assert SchemaCache("https://one").load(SchemaRef("global", 7)) is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"schema": 7}', b'{"schema": "x", "references": [{}]}', b"\xff", b"[" * 100_000])  # fmt: skip
def test_a_broken_file_counts_as_missing(folder: Path, content: bytes) -> None:
    cache = SchemaCache("https://one")
    cache.save(SEVEN, SCHEMA)
    (file,) = folder.rglob("*.json")
    file.write_bytes(content)
    assert cache.load(SEVEN) is None
    cache.save(SEVEN, SCHEMA)
    assert cache.load(SEVEN) == SCHEMA


def test_a_disk_that_cannot_be_written_costs_nothing_but_a_request(folder: Path) -> None:
    folder.parent.joinpath("schemas").write_text("a file where the folder should be")
    SchemaCache("https://one").save(SEVEN, SCHEMA)
    assert SchemaCache("https://one").load(SEVEN) is None


def test_others_cannot_read_what_is_kept(folder: Path) -> None:
    SchemaCache("https://one").save(SEVEN, SCHEMA)
    assert [each.stat().st_mode & 0o077 for each in folder.rglob("*")] == [0, 0]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://registry.example.com:8081", True),
        ("http://10.0.0.7:8081", True),
        ("http://localhost:8081", False),
        ("http://127.0.0.1:8081", False),
        ("http://127.9.9.9", False),
        ("http://[::1]:8081", False),
        ("http://schema-registry:8081", False),
        ("http://registry.localhost", False),
    ],
)
def test_only_registries_that_stay_are_kept_on_disk(url: str, expected: bool) -> None:
    assert keeps(url) is expected
