"""profile: what fields hold, in numbers that are right, and how two windows differ."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import brokerkit as bk


def profiled(*values: Any, against: list[Any] | None = None) -> dict[str, dict[str, Any]]:
    with bk.connect("inmem://") as s:
        for topic, payloads in (("t", list(values)), ("before", against or [])):
            s.create_topic(topic)
            s.publish_batch(topic, payloads)
        found = bk.profile(s.scan("t"), against=None if against is None else s.scan("before"))
        found = found.astype(object).where(found.notna(), None)
        return {row["field"]: row for row in found.to_dict("records")}


def test_types_nulls_ranges_and_examples_of_each_field() -> None:
    found = profiled(
        '{"id": 9007199254740993, "tags": ["a", "b"], "total": 1.5}',
        '{"id": 9007199254740992, "tags": [], "total": null}',
        '{"id": "x", "total": NaN}',
        "not json",
        b"\xff",
    )
    number = found["value.id"]
    assert number["types"] == "integer 2, string 1"
    assert (number["min"], number["max"]) == ("9007199254740992", "9007199254740993")
    assert (number["rows"], number["missing_rate"], number["distinct"]) == (3, pytest.approx(0.4), 3)
    assert found["value.total"]["null_rate"] == pytest.approx(1 / 3)
    assert (found["value.total"]["min"], found["value.total"]["max"]) == ("1.5", "1.5")
    assert found["value.tags[]"]["types"] == "string 2"
    assert found["value.tags[]"]["rows"] == 1
    assert found["value.tags"]["types"] == "empty list 1"
    assert found["value"]["types"] == "text 1, bytes 1"
    assert found["value"]["examples"] == "not json, ff"


def test_fields_of_an_expanded_frame_are_counted_once() -> None:
    with bk.connect("inmem://") as s:
        s.create_topic("t")
        s.publish_batch("t", ['{"id": 1, "a": {"b": null}}', '{"id": 2, "a": {}}', '{"id": 2}'])
        plain, expanded = (bk.profile(s.peek("t", expand=expand)) for expand in (False, True))
        assert expanded.equals(plain)
        assert expanded.set_index("field").loc["value.id", "types"] == "integer 3"


def test_memory_is_bounded_and_says_so() -> None:
    found = profiled(*({"n": n, "s": str(n % 7)} for n in range(1_500)))
    assert found["value.n"]["distinct"] is None
    assert (found["value.n"]["min"], found["value.n"]["max"]) == ("0", "1499")
    assert found["value.s"]["distinct"] == 7


def test_drift_is_said_in_words() -> None:
    before = [{"kept": n % 3, "old": 1, "text": "abc", "n": n} for n in range(40)]
    after = [
        {"kept": n % 3, "new": 1, "text": None if n < 10 else "abcdef", "n": "x" if n == 3 else n + 100}
        for n in range(40)
    ]
    found = profiled(*after, against=before)
    assert found["value.kept"]["drift"] is None
    assert found["value.old"]["drift"] == "gone"
    assert found["value.new"]["drift"] == "new"
    assert found["value.text"]["drift"].startswith("null in 25.0%, was 0.0%; lengths up to 6, was 3")
    assert found["value.n"]["drift"] == (
        "now also string; up to 139, was 39; spread otherwise (distance 1.00 of 1)"
    )


def test_any_frame_is_profiled_and_other_things_refused() -> None:
    found = bk.profile(pd.DataFrame({"a": [1, 2, None], "b": ["x", "y", "z"]}))
    assert list(found["field"]) == ["a", "b"]
    assert repr(found).startswith("2 fields of 3 rows")
    assert "2 fields of 3 rows" in (found._repr_html_() or "")
    assert len(bk.profile(pd.DataFrame({"a": []}))) == 0
    with pytest.raises(bk.ConfigError, match="against must be a DataFrame"):
        bk.profile(pd.DataFrame({"a": [1]}), against="x")


def test_a_type_that_becomes_more_frequent_is_drift() -> None:
    before = [{"n": 1.5}] * 39 + [{"n": "1,5"}]
    found = profiled(*[{"n": 1.5}] * 30, *[{"n": "1,5"}] * 10, against=before)
    assert found["value.n"]["drift"] == "string in 25.0%, was 2.5%"
