"""Payloads, keys and attributes with unusual contents, made from a seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from brokerkit.core.vocabulary.columns import Columns

PAYLOADS: list[bytes | None] = [
    None,
    b"",
    b"null",
    b"\x00",
    b"a\x00b",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xef\xbb\xbf{}",
    "žlutý \U0001f600".encode(),
    b'{"a": 1, "a": 2}',
    b'{"lone": "\\ud800"}',
    b"{}{}",
    b"1,2",
    b" ",
    b"[" * 20_000,
    b'{"a":' * 5_000,
    b'{"id": 9007199254740993}',
    b"NaN",
    b"007",
]
KEYS: list[bytes | None] = [None, b"", b"k", b"\x00", b"\xff", b"x" * 1_000]
VALUES: list[Any] = [
    b"",
    b"\xff\x00",
    "",
    "text",
    "\ud800",
    None,
    True,
    False,
    -(2**63),
    2**64,
    0.1,
    -0.0,
    float("inf"),
    1e300,
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    UUID(int=7),
]
NAMES = ["", "a", "a", "content-type", "ž", "with\nnewline"]


def columns(seed: int, rows: int) -> Columns:
    """Rows of hostile messages; the same for the same seed."""
    rng = random.Random(seed)

    def attributes() -> list[tuple[str, Any]] | None:
        some = [(rng.choice(NAMES), rng.choice(VALUES)) for _ in range(rng.randrange(4))]
        return rng.choice([None, some, [(name, b"v") for name, _ in some]])

    return Columns(
        rows,
        topic="orders",
        partition=[rng.choice([0, 1, None]) for _ in range(rows)],
        offset=list(range(rows)),
        id=[f"0-{row}" for row in range(rows)],
        key=[rng.choice(KEYS) for _ in range(rows)],
        value=[rng.choice([*PAYLOADS, rng.randbytes(8)]) for _ in range(rows)],
        attributes=[attributes() for _ in range(rows)],
        publish_time=[rng.choice([None, 0, -1, 1_700_000_000_000_001]) for _ in range(rows)],
    )
