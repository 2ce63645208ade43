"""The checksums of rows that an outcome frame keeps: the same in every version, since `resume=` compares them."""

from __future__ import annotations

import random
from typing import Any
from zlib import crc32

from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.outbound_rows import OutboundRows
from brokerkit.session.publish.frame_content import _checksums

NAMES = ["a", "trace", "", "é", "\ud800", "bk-run", "bk", "n" * 500]
VALUES: list[Any] = [b"", b"x", b"1:2:3", b"\xff" * 300, "", "text", "\ud800", None, True, 1, 1.5, -(2**70)]


def expected(data: bytes, key: bytes | None, attributes: Attributes) -> int:
    found = crc32(data, len(data))
    if key is not None:
        found = crc32(key, found + 1 + len(key))
    for name, value in attributes:
        if name.startswith("bk-"):
            continue
        told = value if type(value) is bytes else repr(value).encode("utf-8", "backslashreplace")
        title = name.encode("utf-8", "backslashreplace")
        found = crc32(b"%d:%d:%d:%b%b" % (told is value, len(title), len(told), title, told), found)
    return found


def test_a_row_has_the_checksum_of_its_payload_key_and_attributes() -> None:
    rng = random.Random(3)
    for _ in range(20):
        rows = [
            (
                rng.randbytes(rng.randrange(9)),
                rng.choice([None, b"", b"key"]),
                Attributes([(rng.choice(NAMES), rng.choice(VALUES)) for _ in range(rng.randrange(4))]),
            )
            for _ in range(50)
        ]
        data, keys, attributes = map(list, zip(*rows, strict=True))
        assert _checksums(OutboundRows(data, keys, attributes)) == [expected(*row) for row in rows]
