"""Small payloads of kinds that no decoder here reads, made by a seed."""

from __future__ import annotations

import base64
import json
import random
import string
import struct
import uuid
from collections.abc import Callable, Iterator

WORDS = [
    "Ulysses",
    "größe",
    "naïve",
    "東京都",
    "привет",
    "orders",
    "book",
    "café",
    "paid",
    "Ελλάδα",
    "x",
    "42",
    "true",
]


LETTERS = ["BCJNzzzz", "KLUvzzzz", "/wYAzzzz", "T2Jqzzzz", "SDRzzzzz", "Vm0wzzzz"]
"""Four letters with which base64 of something may begin that is recognised, and others with which it does not."""


def _words(r: random.Random, most: int = 6) -> str:
    return " ".join(r.choice(WORDS) for _ in range(r.randint(1, most)))


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _protobuf(r: random.Random) -> bytes:
    parts = []
    for field in r.sample(range(1, 16), r.randint(1, 4)):
        if r.random() < 0.5:
            parts.append(_varint(field << 3) + _varint(r.getrandbits(r.choice([3, 7, 20, 40]))))
        else:
            text = _words(r, 3).encode()
            parts.append(_varint(field << 3 | 2) + _varint(len(text)) + text)
    return b"".join(parts)


def _number(r: random.Random) -> bytes:
    width, order = r.choice([1, 2, 4, 8]), r.choice(["big", "little"])
    value = r.getrandbits(r.randint(1, 8 * width))
    return value.to_bytes(width, order)  # type: ignore[arg-type]  # it is one of the two


def _time(r: random.Random) -> bytes:
    seconds = r.uniform(1.5e9, 1.9e9)
    scale, format = r.choice(
        [(1, ">q"), (1e3, ">q"), (1e6, ">q"), (1e9, ">q"), (1, ">i"), (1e3, "<q"), (1, "<i")]
    )
    return struct.pack(format, int(seconds * scale))


def _float(r: random.Random) -> bytes:
    return struct.pack(
        r.choice([">d", "<d", ">f", "<f"]), r.choice([r.random(), r.uniform(-1e6, 1e6), 0.0, 1.0])
    )


def _floats(r: random.Random) -> bytes:
    return b"".join(struct.pack("<f", r.gauss(0, 1)) for _ in range(r.randint(2, 8)))


def _java(r: random.Random) -> bytes:
    name = f"com.shop.{r.choice(['Order', 'Line', 'Payment'])}".encode()
    return b"\xac\xed\x00\x05sr" + struct.pack(">H", len(name)) + name + r.randbytes(r.randint(8, 40))


def _kryo(r: random.Random) -> bytes:
    text = r.choice(WORDS).encode("ascii", "replace")
    return bytes([1, r.randint(0, 12)]) + text[:-1] + bytes([text[-1] | 0x80]) + _varint(r.getrandbits(20))


def _head(r: random.Random) -> bytes:
    heads = [
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        b"GIF89a",
        b"PK\x03\x04\x14\x00\x00\x00\x08\x00",
        b"PAR1\x15\x00\x15",
        b"\x7fELF\x02\x01\x01\x00",
        b"ARROW1\x00\x00",
        b"SQLite format 3\x00",
        b"BZh91AY&SY",
        b"\xfd7zXZ\x00",
        b"Rar!\x1a\x07\x00",
        b"ORC",
        b"OggS\x00\x02",
        b"\x00\x00\x00\x18ftypmp42",
        b":)\n\x04",
    ]
    return r.choice(heads) + r.randbytes(r.randint(1, 40))


def _encoded(r: random.Random) -> bytes:
    encoding = r.choice(
        ["latin-1", "utf-16", "utf-16-le", "utf-16-be", "shift-jis", "cp1252", "koi8-r", "gb18030", "cp037"]
    )
    return _words(r).encode(encoding, "replace")


def _text(r: random.Random) -> bytes:
    number = r.getrandbits(32)
    made = [
        f"{number},{_words(r, 2)},{r.random():.2f}\n{number + 1},x,1.00",
        f"<order id='{number}'><book>{_words(r, 2)}</book></order>",
        f"2026-11-28T05:00:00.{number % 1000:03}Z INFO [{number}] {_words(r)}",
        f"https://shop.example.com/orders/{number}?q={number}",
        base64.b64encode(r.randbytes(r.randint(1, 60))).decode(),
        base64.urlsafe_b64encode(r.randbytes(r.randint(1, 60))).decode(),
        base64.b64encode(base64.b64encode(r.randbytes(r.randint(1, 60)))).decode(),
        r.choice(LETTERS) + base64.b64encode(r.randbytes(r.randint(1, 30))).decode(),
        r.randbytes(r.randint(1, 40)).hex(),
        str(uuid.UUID(int=r.getrandbits(128))),
        "id: 7\nnote: x\n",
        "".join(r.choice(string.printable[:94]) for _ in range(r.randint(1, 30))),
        ".".join(
            base64.urlsafe_b64encode(each).decode().rstrip("=")
            for each in (b'{"alg":"none"}', b'{"sub":"7"}', r.randbytes(32))
        ),
        _words(r),
        f"{number}",
        f"{{'id': {number}}}",
        json.dumps({"id": number})[:-1],
    ]
    return r.choice(made).encode()


KINDS: dict[str, Callable[[random.Random], bytes]] = {
    "numbers": _number,
    "times": _time,
    "floats": _float,
    "vectors": _floats,
    "uuids": lambda r: r.randbytes(16),
    "random": lambda r: r.randbytes(r.randint(1, 64)),
    "small random": lambda r: bytes(
        r.choice((0, 1, 2, 3, 5, 7, 0x7F, 0x80, 0xFF)) for _ in range(r.randint(1, 24))
    ),
    "protobuf": _protobuf,
    "java": _java,
    "kryo": _kryo,
    "heads": _head,
    "encoded": _encoded,
    "text": _text,
    "digests": lambda r: r.randbytes(r.choice([20, 32, 64])),
    "counted strings": lambda r: b"".join(
        struct.pack(">H", len(each)) + each
        for each in (_words(r, 2).encode() for _ in range(r.randint(1, 3)))
    ),
}


def payloads(count: int, seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """Yield payloads with the names of their kinds, as many of each."""
    r = random.Random(seed)
    names = list(KINDS)
    for number in range(count):
        name = names[number % len(names)]
        yield name, KINDS[name](r)
