"""The messages that are compared: JSON documents of about 200 bytes."""

from __future__ import annotations

import orjson

CITIES = ("Berlin", "Zagreb", "Lisbon", "Kyoto", "Oslo")


def payload(number: int) -> bytes:
    """An order of about 200 bytes with eight fields."""
    order = {
        "id": number,
        "customer": f"customer-{number % 5000:05d}",
        "city": CITIES[number % len(CITIES)],
        "total": number % 10_000 / 100,
        "items": number % 7 + 1,
        "express": number % 11 == 0,
        "note": "leave it with the neighbours, second floor, please",
        "placed": f"2026-01-{number % 28 + 1:02d}T10:{number % 60:02d}:00Z",
    }
    return orjson.dumps(order)


def payloads(count: int, first: int = 0) -> list[bytes]:
    return [payload(number) for number in range(first, first + count)]
