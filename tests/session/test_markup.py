"""What is shown where no widget lives: escaped, left alone by MathJax, the same on every run."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.display import markup
from brokerkit.workbench import Session

HOSTILE = "<script>alert(1)</script>'\"&\x1b[31m\u202e\x00$\\alpha$"


def shown_by(s: Session, topic: str) -> dict[str, Any]:
    s.create_topic(topic)
    s.publish_batch(topic, [topic, b"\xff\x00"] * 10)
    batch = next(s.batches(topic, subscription=topic, start="earliest", size=20))
    return {
        "session": s,
        "description": s.describe(topic),
        "scan": s.scan(topic, where=topic),
        "batch": batch,
        "outcome": s.publish_frame(topic + "nope", pd.DataFrame({"value": [topic]})),
        "doctor": bk.doctor("inmem://"),
        "tail": s.tail(topic),
        "composer": s.compose(topic, value=topic, key=topic, attributes={topic: topic}),
    }


def test_everything_is_shown_as_escaped_html_and_as_text(s: Session) -> None:
    for name, each in shown_by(s, HOSTILE).items():
        html = each._repr_html_()
        assert "<script" not in html, name
        assert "mathjax_ignore" in html, name
        assert repr(each), name
        if name != "outcome":
            assert not [one for one in ("\x1b", "\u202e", "\x00") if one in html + repr(each)], name
            ElementTree.fromstring(html)
            assert each._repr_mimebundle_().items() >= {"text/html": html, "text/plain": repr(each)}.items()


def test_it_is_the_same_on_every_run() -> None:
    runs = []
    for _ in range(2):
        with bk.connect("inmem://") as s:
            runs.append({name: each._repr_html_() for name, each in shown_by(s, "orders").items()})
    for run in runs:
        del run["doctor"]  # it says how long each step took
    assert runs[0] == runs[1]
    assert not re.search(r"https?:|0x[0-9a-f]{6}|\d\d:\d\d", "".join(runs[0].values()))


def test_a_batch_shows_its_first_rows_and_what_it_waits_for(s: Session) -> None:
    batch = shown_by(s, "orders")["batch"]
    assert "not settled" in batch._repr_html_()
    assert "and 10 more in batch.frame" in batch._repr_html_()
    assert "\\xff\\x00" in batch._repr_html_()
    batch.ack()
    assert "20 messages, settled" in batch._repr_html_()


@pytest.mark.parametrize("value", [None, float("nan"), pd.NaT])
def test_null_is_shown_as_nothing(value: Any) -> None:
    assert markup.shown(value) == ""


def test_a_long_table_says_what_it_leaves_out() -> None:
    assert markup.table(["n"], [[number] for number in range(120)]).endswith("<p>and 70 more</p>")
