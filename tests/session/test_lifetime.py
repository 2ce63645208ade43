"""Opening, sharing, closing, forking, and what a read-only session refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.workbench import Session

USES = {
    "topics": lambda s: s.topics(),
    "describe": lambda s: s.describe("orders"),
    "peek": lambda s: s.peek("orders"),
    "scan": lambda s: s.scan("orders"),
    "reread": lambda s: s.reread(pd.DataFrame({"topic": ["orders"], "partition": [0], "offset": [0]})),
    "pull": lambda s: s.pull("orders", subscription="me", start="earliest"),
    "batches": lambda s: next(s.batches("orders", subscription="me", start="earliest")),
    "consumer": lambda s: s.consumer("orders", "me"),
    "publish": lambda s: s.publish("orders", "x"),
    "publish_batch": lambda s: s.publish_batch("orders", ["x"]),
    "publish_frame": lambda s: s.publish_frame("orders", pd.DataFrame({"a": [1]})),
    "publisher": lambda s: s.publisher(),
    "transaction": lambda s: s.transaction().__enter__(),
    "create_topic": lambda s: s.create_topic("more"),
    "create_subscription": lambda s: s.create_subscription("orders", "other"),
    "delete_topic": lambda s: s.delete_topic("orders", confirm="orders"),
    "copy into it": lambda s: s.copy("orders", s, "copy"),
    "copy and take": lambda s: s.copy("orders", s, "copy", subscription="me"),
    "pull and give back": lambda s: s.pull("orders", subscription="me", ack=False, side_effects="give back"),
    "native": lambda s: s.native.topic("orders"),
    "its connection": lambda s: s.connection.publisher(),
}
READS = {"topics", "describe", "peek", "scan", "reread"}


@pytest.mark.parametrize("use", USES)
def test_after_close_everything_is_closed(orders: Session, use: str) -> None:
    orders.publish("orders", "x")
    orders.close()
    orders.close()
    with pytest.raises(bk.Closed):
        USES[use](orders)
    assert repr(orders) == "<Session of inmem://, closed>"


def test_a_dry_run_needs_an_open_session_too(orders: Session) -> None:
    orders.close()
    with pytest.raises(bk.Closed):
        orders.publish_frame("orders", pd.DataFrame({"a": [1]}), dry_run=True)


@pytest.mark.parametrize("use", USES)
def test_a_read_only_session_refuses_what_would_change_the_broker(use: str) -> None:
    name = f"inmem://read-only-{use}"
    with bk.connect(name) as writer, bk.connect(name, read_only=True) as reader:
        writer.create_topic("orders")
        writer.publish("orders", "x")
        if use in READS:
            USES[use](reader)
        else:
            with pytest.raises(bk.NotSupported, match="read-only"):
                USES[use](reader)
        assert writer.describe("orders").messages == 1
        assert writer.describe("orders").subscriptions.empty
        assert repr(reader) == f"<Session of {name}, read-only>"


def test_production_is_said_wherever_a_session_is_shown_and_stops_no_code_that_allows_changes() -> None:
    with bk.connect("inmem://", production=True, allow_changes=True) as s:
        assert repr(s) == "<Session of inmem://, PRODUCTION>"
        s.create_topic("orders")
        assert s.publish("orders", "x").ok


def test_saved_marks_hold_unless_the_call_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "connections.toml"
    file.write_text('[live]\nurl = "inmem://saved"\nproduction = true\nread_only = true\n')
    monkeypatch.setenv("BROKERKIT_CONFIG", str(file))
    with bk.connect("live") as s:
        assert s.marks == ["PRODUCTION", "read-only"]
    with bk.connect("live", read_only=False) as s:
        assert s.marks == ["PRODUCTION"]


def test_two_sessions_of_one_name_share_a_broker_and_those_without_do_not() -> None:
    with (
        bk.connect("inmem://shared") as one,
        bk.connect("inmem://shared") as two,
        bk.connect("inmem://") as own,
    ):
        one.create_topic("t")
        one.publish("t", "x")
        assert two.peek("t")["value"].tolist() == ["x"]
        assert own.topics().empty


def test_closing_gives_back_and_leaves_subscriptions(orders: Session) -> None:
    name = "inmem://closing"
    with bk.connect(name) as one:
        one.create_topic("t")
        one.publish_batch("t", ["a", "b"])
        batch = next(one.batches("t", subscription="me", start="earliest", size=2))
        assert len(batch) == 2
    with bk.connect(name) as two:
        assert len(two.pull("t", 2, subscription="me")) == 2


def test_an_action_for_the_close_happens_once(s: Session) -> None:
    calls: list[int] = []
    s.on_close(lambda: calls.append(1))
    s.close()
    s.close()
    assert calls == [1]


def test_no_output_shows_a_secret() -> None:
    with bk.connect("inmem://me:hunter2@secrets") as session:
        session.create_topic("t")
        session.publish("t", "x")
        frame = session.peek("t")
        shown = [
            repr(session), repr(session.connection), repr(session.scan("t")), session.target,
            repr(frame.attrs), repr(session.describe("t")), repr(session.consumer("t", "me")),
        ]  # fmt: skip
    assert not any("hunter2" in text for text in shown)


def test_core_consumers_and_publishers_are_there_for_code(orders: Session) -> None:
    with orders.publisher() as publisher:
        publisher.topic("orders").publish(bk.OutboundMessage("code"))
    with orders.consumer("orders", "me", start="latest", model="record") as consumer:
        consumer.attach()
        orders.publish("orders", "new")
        record = consumer.next_record(5)
        assert record is not None
        assert record.value == b"new"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_in_a_forked_child_a_session_is_closed_and_touches_nothing(orders: Session) -> None:
    orders.create_subscription("orders", "mine", start="earliest")
    batches = orders.batches("orders", subscription="mine", size=5)
    batch = next(batches)
    orders.publish("orders", "x")
    scan = orders.scan("orders")
    before = orders.describe("orders").subscriptions.to_dict("records")
    uses = {
        **USES,
        "ack": lambda s: batch.ack(),
        "read": lambda s: scan.to_pandas(),
        "close": lambda s: s.close(),
    }
    sys.stdout.flush()
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        wrong = []
        for name, use in uses.items():
            try:
                use(orders)
                wrong.append(f"{name}: nothing raised")
            except bk.BrokerError as error:
                if "forked" not in str(error):
                    wrong.append(f"{name}: {error!r}")
            except BaseException as error:
                wrong.append(f"{name}: {error!r}")
        repr(scan), repr(orders)
        os.write(writable, ("\n".join(wrong) or "fine").encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as said:
        assert said.read() == "fine"
    os.waitpid(child, 0)
    assert orders.describe("orders").subscriptions.to_dict("records") == before
    batch.ack()
    batches.close()


AT_EXIT = """
import atexit, threading
threads = []
# registered before that of brokerkit, so called after it
atexit.register(lambda: [each.join(10) for each in threads])
import brokerkit as bk
s = bk.connect("inmem://")
s.create_topic("t")
def publish():
    while True:
        s.publish("t", "x")
threads.append(threading.Thread(target=publish, daemon=True))
threads[0].start()
"""


@pytest.mark.extended
def test_a_thread_that_publishes_when_python_ends_prints_no_traceback() -> None:
    ended = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
