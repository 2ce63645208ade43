"""What a tail shows, keeps and says; state in, calls out, without a browser."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable

import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.testing import waiting
from brokerkit.widgets.row_view import detail_view
from brokerkit.widgets.tail import Tail
from brokerkit.widgets.tail.view import failure_of, state_of
from brokerkit.workbench import Session

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "$\\alpha$",
    "\x1b[31m",
    "\u202eabc",
    "a\x00b",
    "[" * 20_000,
    "x" * 8_000_000,
]


def eventually(condition: Callable[[], object]) -> None:
    waiting.eventually(condition, "the tail did what it should", within=60)


@pytest.fixture
def orders(s: Session) -> Session:
    s.create_topic("orders", partitions=3)
    return s


def publish(s: Session, *numbers: int) -> None:
    s.publish_batch("orders", [{"id": number} for number in numbers])


def values(tail: Tail) -> list[str]:
    return sorted(tail.frame["value"].tolist())


def test_it_shows_what_was_there_and_what_comes(orders: Session) -> None:
    publish(orders, 1, 2)
    tail = Tail(orders, "orders", interval=0.02)
    assert len(tail.frame) == 2
    publish(orders, 3)
    eventually(lambda: '{"id":3}' in values(tail))
    assert list(tail.frame.columns) == list(orders.peek("orders").columns)


def test_the_selected_message_says_how_it_was_read_and_why_it_was_not(orders: Session) -> None:
    damaged = gzip.compress(b'{"id":1}')[:-3]
    orders.publish_batch("orders", [gzip.compress(b'{"id":1}'), damaged, b"\xff", None, "text"])
    tail = Tail(orders, "orders", interval=0.02)
    seen = {}
    for offset, partition in zip(tail.frame["offset"], tail.frame["partition"], strict=True):
        tail._model.select((int(partition), int(offset)))
        row = tail._model.kept.selected
        assert row is not None
        found = detail_view(row, failure_of(tail._model))
        seen[found["value"]] = (found["format"], found["failure"])
    reasons = dict(seen.values())
    assert set(reasons) == {"gzip+json", "gzip", "bytes", "", "text"}
    assert "gzip: byte" in reasons["gzip"]
    assert "cut off" in reasons["gzip"]
    assert {failure for format, failure in seen.values() if format != "gzip"} == {""}


@pytest.mark.extended
def test_it_is_bounded_and_says_what_it_skipped(orders: Session) -> None:
    tail = Tail(orders, "orders", interval=0.02, rows=50)
    tail.pause()
    eventually(lambda: tail.status == "paused")
    for _ in range(4):
        orders.publish_batch("orders", ["x"] * 10_000)
    tail.resume()
    eventually(lambda: tail.read + tail.skipped == 40_000)
    assert len(tail.frame) == 50
    assert tail.skipped > 0
    assert any("skipped to keep up" in note for note in tail.notes)


def test_pausing_reads_nothing_and_resuming_misses_nothing(orders: Session) -> None:
    tail = Tail(orders, "orders", interval=0.02)
    tail.paused = True
    eventually(lambda: tail.status == "paused")
    publish(orders, *range(30))
    assert tail.read == 0
    tail.paused = False
    eventually(lambda: len(tail.frame) == 30)
    assert tail.notes == []


def test_a_filter_set_in_code_or_in_the_browser_looks_back_too(orders: Session) -> None:
    publish(orders, *range(20))
    tail = Tail(orders, "orders", interval=0.02)
    tail.where = '"id":7}'
    eventually(lambda: values(tail) == ['{"id":7}'])
    tail._shown_view().receive({"type": "filter", "where": '"id":9}', "key": ""})
    eventually(lambda: values(tail) == ['{"id":9}'])
    assert tail.call == "s.tail('orders', where='\"id\":9}')"
    tail.where = lambda value: value["id"] in (3, 4)
    eventually(lambda: values(tail) == ['{"id":3}', '{"id":4}'])
    with pytest.raises(bk.ConfigError):
        tail.where = 5


def test_other_formats_read_the_last_messages_again_and_the_call_does_too(s: Session) -> None:
    s.create_topic("orders")
    packed = b"\x82\xa1a\x01\xa1b\x02"
    s.publish("orders", {"id": 1}, key="a")
    s.publish("orders", packed, key=packed)
    tail = Tail(s, "orders", interval=0.02, decode="text")
    view = tail._shown_view()
    state = state_of(tail._model)
    assert (state["decode"], state["decode_key"]) == ("text", "auto")
    assert {"auto", "json", "msgpack"} <= set(state["formats"]) & set(state["key_formats"])
    assert tail.frame["value"].isna().tolist() == [False, True]

    view.receive({"type": "formats", "decode": "msgpack", "decode_key": "auto"})
    eventually(lambda: tail.frame["value"].dropna().tolist() == [{"a": 1, "b": 2}])
    assert len(tail.frame) == 2
    assert tail.call == "s.tail('orders', decode='msgpack')"
    # a filter from then on sees what is read now
    tail.where = lambda value: value["b"] == 2
    eventually(lambda: tail.frame["value"].tolist() == [{"a": 1, "b": 2}])
    tail.where = None
    s.publish("orders", packed)
    eventually(lambda: len(tail.frame) == 3)
    tail.selected = 1
    assert tail.selected["value"].tolist() == [{"a": 1, "b": 2}]
    other = eval(tail.call, {"s": s})
    assert other.frame.equals(tail.frame)
    other.close()
    tail.decode = "auto"
    assert tail.call == "s.tail('orders')"
    tail.decode_key = "raw"
    eventually(lambda: tail.frame["key"].isna().all())
    assert tail.call == "s.tail('orders', decode_key='raw')"
    tail.close()


def test_formats_that_cannot_be_used_change_nothing_and_one_of_code_stays(orders: Session) -> None:
    publish(orders, 1)

    @bk.decoder(pa.int64())
    def sizes(payload: bytes) -> int:
        return len(payload)

    tail = Tail(orders, "orders", interval=0.02, decode=sizes)
    view = tail._shown_view()
    state = state_of(tail._model)
    assert (state["decode"], state["formats"][-1]) == ("set in code", "set in code")
    assert tail.call == "s.tail('orders', decode=tail.decode)"
    assert tail.frame["value"].tolist() == [8]
    view.receive({"type": "formats", "decode": "avro", "decode_key": "auto"})
    state = state_of(tail._model)
    assert "registry" in state["filter_errors"]
    assert state["decode"] == "set in code"
    view.receive({"type": "formats", "decode": "set in code", "decode_key": "text"})
    assert tail.decode is sizes
    assert tail.decode_key == "text"
    assert state_of(tail._model)["filter_errors"] == ""
    with pytest.raises(bk.ConfigError, match="no-such"):
        tail.decode = "no-such"
    tail.close()


def test_python_typed_in_the_browser_filters_and_what_is_wrong_changes_nothing(orders: Session) -> None:
    publish(orders, *range(20))
    tail = Tail(orders, "orders", interval=0.02)
    view, typed = tail._shown_view(), {"type": "filter", "mode": "python", "key": ""}
    view.receive({**typed, "where": 'value["id"] in (3, 4)'})
    eventually(lambda: values(tail) == ['{"id":3}', '{"id":4}'])
    assert tail.call == "s.tail('orders', where=lambda value: value[\"id\"] in (3, 4))"
    other = eval(tail.call, {"s": orders})
    assert values(other) == values(tail)
    other.close()
    view.receive({**typed, "where": "value["})
    state = state_of(tail._model)
    assert (state["mode"], state["where"], state["function"]) == ("python", "value[", "")
    assert "not a Python expression" in state["filter_errors"]
    assert values(tail) == ['{"id":3}', '{"id":4}']
    view.receive({**typed, "where": ""})
    eventually(lambda: len(values(tail)) == 20)
    assert state_of(tail._model)["filter_errors"] == ""
    tail.close()


def test_it_continues_over_an_interruption_and_says_so(orders: Session) -> None:
    tail = Tail(orders, "orders", interval=0.02)
    publish(orders, 1)
    eventually(lambda: len(tail.frame) == 1)
    orders.native.faults.stop()
    eventually(lambda: tail.status == "waiting")
    assert isinstance(tail.problem, bk.Unavailable)
    orders.native.faults.start()
    publish(orders, 2)
    eventually(lambda: len(tail.frame) == 2)
    eventually(lambda: any("could not be reached" in note for note in tail.notes))
    eventually(lambda: tail.status == "following")


def test_a_selected_row_is_a_frame_for_the_next_cell(orders: Session) -> None:
    orders.publish("orders", {"id": 1}, key="c1")
    tail = Tail(orders, "orders", interval=0.02)
    assert len(tail.selected) == 0
    tail._shown_view().receive({"type": "select", "n": 1})
    assert tail.selected["value"].tolist() == ['{"id":1}']
    place = tail.selected[["partition", "offset"]].iloc[0]
    tail.selected = None
    tail.selected = (int(place["partition"]), int(place["offset"]))
    assert tail.selected["key"].tolist() == ["c1"]
    with pytest.raises(bk.ConfigError, match="not among the rows kept"):
        tail.selected = 99


def test_it_ends_with_its_session_and_leaves_no_thread(orders: Session) -> None:
    tail = Tail(orders, "orders", interval=0.02)
    orders.close()
    eventually(lambda: not tail.running)
    eventually(lambda: not any(each.name == "tail of orders" for each in threading.enumerate()))


def test_an_unreadable_topic_is_refused_at_once(s: Session) -> None:
    with pytest.raises(bk.NotFound):
        Tail(s, "nope")


def test_it_changes_nothing_on_the_broker(orders: Session) -> None:
    publish(orders, 1)
    orders.create_subscription("orders", "me", start="earliest")
    before = orders.describe("orders").subscriptions.to_dict()
    tail = Tail(orders, "orders", interval=0.02)
    publish(orders, 2)
    eventually(lambda: len(tail.frame) == 2)
    after = orders.describe("orders").subscriptions
    assert after["lag"].tolist() == [2]
    assert list(before["subscription"].values()) == after["subscription"].tolist()


@pytest.mark.extended
def test_hostile_messages_go_out_short_and_without_control_characters(s: Session) -> None:
    pytest.importorskip("anywidget")
    s.create_topic("t")
    for each in HOSTILE:
        s.publish("t", each, key=each[:1_000], attributes={each[:1_000]: each[:1_000]})
    s.publish("t", b"\xff\xfe", key=b"\xff")
    tail = Tail(s, "t", interval=0.02)
    sent: list[dict] = []
    began = time.monotonic()
    tail.widget.send = lambda content, buffers=None: sent.append(content)
    tail._shown_view().receive({"type": "hello"})
    for number in range(1, len(HOSTILE) + 2):
        tail._shown_view().receive({"type": "select", "n": number})
    page = tail._repr_mimebundle_()["text/html"]
    assert time.monotonic() - began < 60
    assert [each["type"] for each in sent if each["type"] == "detail"]
    for text in (json.dumps(sent, ensure_ascii=False), page):
        assert not [each for each in ("\x1b", "\u202e", "\x00") if each in text]
    assert "<script" not in page
    assert "<img" not in page
    assert len(page) < 30_000
    rows = next(each for each in sent if each["type"] == "snapshot")["rows"]
    assert len(rows) == len(HOSTILE) + 1
    assert len(json.dumps(rows)) < 20_000
    assert max(len(json.dumps(each)) for each in sent) < 100_000


def test_the_state_that_a_notebook_may_save_stays_small(orders: Session) -> None:
    pytest.importorskip("anywidget")
    tail = Tail(orders, "orders", interval=0.02)
    tail.widget.state = state_of(tail._model)
    for _ in range(5):
        orders.publish_batch("orders", ["x" * 100] * 1_000)
    eventually(lambda: tail.read == 5_000)
    saved = tail.widget.get_state()
    assert len(json.dumps({name: saved[name] for name in ("state", "_esm", "_css")})) < 65_000
