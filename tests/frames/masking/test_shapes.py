"""Texts of the same shape are masked by one plan, exactly as each would be masked alone."""

from __future__ import annotations

import json
import random
import time
import tracemalloc
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.frames.masking import shapes
from brokerkit.frames.masking.mask import Mask
from brokerkit.frames.masking.shapes import LONGEST, ShapedMask

MASKS = {
    "paths": bk.Mask("a", "b.c", "d.*.e"),
    "names": bk.Mask(name=["*a*", "c"], action="last4"),
    "hash": bk.Mask("a", "b", action="hash", hash_key="secret"),
    "detectors": bk.Mask(detect=["email", "card", "iban", "phone"]),
    "both": bk.Mask("b.a") + bk.Mask(detect="email", action="last4"),
    "allow": bk.Mask(allow=["a", "b.c", "d"]),
    "all": bk.Mask(allow=["a", "b.c", "d"]) + bk.Mask("d.e") + bk.Mask(detect="card"),
}
VALUES: list[Any] = [
    None, True, False, 0, -1, 12.5, 1e300, 2**70, 4111111111111111, "", "x", "größe", 'say"it\\', "\n\t", "a@b.cc",
    "call +49 30 1234567", "4111111111111111", "null", "\x7f", "{}", "[1]",
]  # fmt: skip


def tree(r: random.Random, depth: int = 3) -> Any:
    kind = r.random() if depth else 1
    if kind < 0.45:
        names = r.choices(["a", "b", "c", "d", "e", "a@b.cc", 'q"'], k=r.randint(0, 4))
        return {name: tree(r, depth - 1) for name in names}
    if kind < 0.6:
        return [tree(r, depth - 1) for _ in range(r.randint(0, 3))]
    return r.choice(VALUES)


def refilled(r: random.Random, value: Any) -> Any:
    """The same shape with other values."""
    if isinstance(value, dict):
        return {name: refilled(r, each) for name, each in value.items()}
    return [refilled(r, each) for each in value] if isinstance(value, list) else r.choice(VALUES)


def outcome(mask: Any, text: str) -> str | None:
    try:
        found: str = mask(text)
    except ValueError:
        return None
    return found


def damaged(r: random.Random, text: str) -> str:
    place = r.randrange(len(text) + 1)
    return text[:place] + r.choice(["", "q", '"', ",", " ", "1", "0", "}", "\\", "é", "-", "tru", ":"]) + text[place + r.randrange(2) :]  # fmt: skip


@pytest.mark.extended
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_a_plan_writes_what_the_text_alone_would_be(mask: Mask) -> None:
    r = random.Random(7)
    shaped = ShapedMask(mask.document)
    for _ in range(300):
        first = tree(r)
        spaces = {"separators": (",", ":")} if r.random() < 0.5 else {"indent": r.choice([None, 1])}
        for value in (first, *(refilled(r, first) for _ in range(3))):
            text = json.dumps(value, ensure_ascii=r.random() < 0.5, **spaces)  # type: ignore[arg-type]
            for each in (text, damaged(r, text), text.replace("größe", r"\ud800")):
                assert outcome(shaped.masked, each) == outcome(mask.document.masked_if_json, each), each


@pytest.mark.parametrize(
    "text",
    [
        '{"a": q}',
        '{"a": 1} {"b": 2}',
        'secret {"a": 1}',
        '{"a": 01}',
        '{"a": 1',
        '{"a": "\\q"}',
        '{"a": tru}',
        "nulls",
    ],
)
def test_a_text_that_only_resembles_a_known_shape_is_not_taken_for_it(text: str) -> None:
    mask = bk.Mask("b")
    shaped = ShapedMask(mask.document)
    for known in ('{"a": 1}', '{"a": "x"}', "null", "[1]"):
        shaped.masked(known)
    assert outcome(shaped.masked, text) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * 3000,
        '["x",' * 3000,
        '"' + "\\" * 15_999,
        "{" * 15_999,
        " " * 15_999 + "x",
        '"a":' * 3999,
        '"' + '\\"' * 8_000,
        "[" * 15_999 + "x",
        '"a" ' * 4_000 + ": x",
        "1e" * 8_000,
        '{"a": "' + '\\"' * 8_000,
        "[" + '"\\n",' * 3_000 + '"',
    ],
    ids=lambda text: text[:8],
)
def test_no_text_keeps_the_search_for_a_shape_busy(text: str) -> None:
    assert len(text) <= LONGEST
    shaped = ShapedMask(bk.Mask("a").document)
    began = time.process_time()
    assert outcome(shaped.masked, text) is None
    assert time.process_time() - began < 3


@pytest.mark.extended
def test_shapes_that_do_not_recur_are_not_kept() -> None:
    shaped = ShapedMask(bk.Mask("a").document)
    texts = [f'{{"r":[{",".join("1" * length)}]}}' for length in range(1, 1000, 4)]
    tracemalloc.start()
    for text in texts:
        assert shaped.masked(text) == text
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4_000_000


@pytest.mark.extended
def test_the_plans_of_long_texts_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "MOST_VALUES", shapes.MOST_VALUES // 30)
    shaped = ShapedMask(bk.Mask("b").document)
    texts = [f'{{"a":[{",".join("1" * length)}]}}' for length in range(700, 720)]
    tracemalloc.start()
    for text in texts * 2:
        assert shaped.masked(text) == text
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_000_000
