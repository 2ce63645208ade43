"""What a row says whose schema cannot be put together."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import brokerkit as bk
from tests.registry.web import Web

USING = {"type": "record", "name": "R", "fields": [{"name": "b", "type": "x.Base"}]}
ANSWER = {
    "subject": "orders-value",
    "version": 2,
    "id": 4,
    "schema": json.dumps(USING),
    "references": [{"name": "x.Base", "subject": "base", "version": 3}],
}
SAID = r"uses 'x.Base' \(base version 3\), which is missing"


def test_a_missing_reference_is_named_by_failures_explain_and_publishing() -> None:
    answers = {"/schemas/ids/4": ANSWER, "/subjects/orders-value/versions/latest": ANSWER, "/subjects": []}
    with Web(answers) as web, bk.connect("inmem://", registry=web.url) as s:
        s.create_topic("orders")
        s.publish("orders", b"\0\0\0\0\4\x0a")
        frame = s.peek("orders")
        assert frame["value"].isna().all()
        assert frame["raw"].tolist() == [b"\0\0\0\0\4\x0a"]
        assert bk.failures(frame)["error"].str.contains(f"orders-value v2 {SAID}").all()
        assert "base version 3" in str(s.explain(frame.iloc[0]))
        for publish in (
            lambda: s.publish("orders", {"b": {"a": 5}}, schema=True),
            lambda: s.publish_frame("orders", pd.DataFrame({"b": [{"a": 5}]}), schema=True, progress=False),
            lambda: s.peek("orders", decode="avro"),
        ):
            with pytest.raises(bk.NotFound, match=f"orders-value v2 {SAID}"):
                publish()
