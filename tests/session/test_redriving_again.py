"""A redrive that goes on after one that ended early, with a journal and without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.core import ConnectedPublisher
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace
from brokerkit.core.vocabulary.errors import Unavailable
from brokerkit.core.vocabulary.results import PublishInterrupted, PublishResult
from brokerkit.session.operate.copies import Copies
from brokerkit.session.operate.keyed_source import KeyedSource
from brokerkit.session.operate.receipts import MoveWarning
from brokerkit.session.operate.sources import Part
from brokerkit.session.publish.journal import Journal
from brokerkit.workbench import Session

from .letters import desk

__all__ = ["desk"]


@pytest.mark.parametrize("with_journal", [True, False])
@pytest.mark.parametrize("lost", ["outcome", "removal"])
def test_a_call_that_ended_between_sending_and_removing_goes_on_without_a_double(
    desk: Session, tmp_path: Path, with_journal: bool, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal" if with_journal else None
    connected = desk.connection.dead_letters()
    with monkeypatch.context() as patch:
        if lost == "removal":
            patch.setattr(connected, "remove", killed)
        else:
            patch.setattr(Journal, "outcome" if with_journal else "gone", killed)
            patch.setattr(connected, "remove", killed)
        with pytest.raises(bk.Interrupted):
            desk.redrive("orders", confirm="orders", journal=journal, progress=False)
    assert len(desk.dead_letters("orders")) == 12
    assert len(desk.peek("orders", 100)) == 24
    # the topic must not know them by itself
    desk.connection.native.topic("orders").published_ids.clear()
    receipts = desk.redrive("orders", confirm="orders", journal=journal, progress=False)
    assert receipts.counts == {"confirmed": 12, "failed": 0, "unknown": 0}
    assert receipts["removed"].all()
    assert len(desk.dead_letters("orders")) == 0
    assert len(desk.peek("orders", 100)) == 24


@pytest.mark.parametrize(
    ("struck", "statuses", "told"),
    [
        ("known_in", set(), ""),
        ("send", {"unknown"}, "interrupted while it was being published"),
        ("remove", {"confirmed"}, "its original was being removed, which may be gone"),
    ],
)
def test_an_interrupt_shows_what_was_tried_and_nothing_else(
    desk: Session, monkeypatch: pytest.MonkeyPatch, struck: str, statuses: set[str], told: str
) -> None:
    owner = {"known_in": Copies, "send": ConnectedPublisher, "remove": desk.connection.dead_letters()}[struck]
    with monkeypatch.context() as patch:
        patch.setattr(owner, struck, killed)
        with pytest.raises(bk.Interrupted, match=f"after {12 * bool(statuses)} messages") as caught:
            desk.redrive("orders", confirm="orders", progress=False)
    receipts = caught.value.frame
    assert receipts is not None
    assert set(receipts["status"]) == statuses
    assert all(told in each for each in receipts["error"])
    assert not receipts["removed"].any()


def test_an_interrupt_tells_which_copies_were_not_sent(
    desk: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(_: Any, batch: Any, **__: Any) -> Any:
        raise PublishInterrupted([PublishResult("failed", error=bk.BrokerError("not sent"))] * len(batch))

    journal = tmp_path / "journal"
    for told in ("after 12 messages.", "after 12 messages, with those of earlier calls."):
        with monkeypatch.context() as patch:
            patch.setattr(ConnectedPublisher, "send", interrupt)
            with pytest.raises(bk.Interrupted, match=told) as caught:
                desk.redrive("orders", confirm="orders", journal=journal, progress=False)
        assert caught.value.frame is not None
        assert set(caught.value.frame["status"]) == {"failed"}
    receipts = desk.redrive("orders", confirm="orders", journal=journal, progress=False)
    assert receipts.counts == {"confirmed": 12, "failed": 0, "unknown": 0}
    assert len(desk.peek("orders", 100)) == 24


class LostKey:
    """A key that another consumer takes after the first part."""

    def __init__(self) -> None:
        self.locked: set[str] = set()
        self._parts = 0

    def those(self, ids: Sequence[str]) -> Iterator[Part]:
        self._parts += 1
        if self._parts > 1:
            raise Unavailable("taken")
        yield Part(Columns(len(ids), topic=["t"] * len(ids), id=list(ids)))

    def close(self) -> None:
        pass


def test_what_was_moved_of_a_key_is_not_said_to_be_locked(
    desk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = KeyedSource(desk, DeadLetterPlace("orders-dlq", "dead letters", "delete"), None)
    monkeypatch.setattr(source, "_ids", lambda: {"k": ["1", "2", "3", "4", "5"]})
    monkeypatch.setattr(source, "_take", lambda _: LostKey())
    assert [part.ids for part in source.parts(2)] == [["1", "2"]]
    assert source.locked == {"orders-dlq 3", "orders-dlq 4", "orders-dlq 5"}


def test_a_topic_that_was_made_again_with_the_same_ids_is_not_taken_for_redriven(s: Session) -> None:
    s.create_topic("t")
    for text in ("first", "second"):
        s.create_topic("t-dlq")
        s.publish("t-dlq", text)
        assert s.redrive("t", confirm="t", progress=False).counts["confirmed"] == 1
        s.delete_topic("t-dlq", confirm="t-dlq")
    assert list(s.peek("t")["value"]) == ["first", "second"]


def killed(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


def killed_before_sending(s: Session, monkeypatch: pytest.MonkeyPatch, *args: Any, **given: Any) -> None:
    """Redrive, and end when the journal has what is about to be sent, and nothing is sent."""
    with monkeypatch.context() as patch:
        patch.setattr(ConnectedPublisher, "send", killed)
        with pytest.raises(bk.Interrupted):
            s.redrive(*args, progress=False, **given)


def test_what_an_earlier_call_did_not_send_is_sent_although_another_place_was_redriven(
    s: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal"
    for name in ("x", "x-dlq", "x-dlt"):
        s.create_topic(name)
    s.publish("x-dlq", "one")
    s.publish("x-dlt", "two")
    letters = s.dead_letters("x")
    of_place = {name: letters[letters["topic"] == name] for name in ("x-dlq", "x-dlt")}
    killed_before_sending(s, monkeypatch, of_place["x-dlq"], confirm="x", journal=journal)
    receipts = s.redrive(of_place["x-dlt"], confirm="x", journal=journal, progress=False)
    assert receipts.counts == {"confirmed": 1, "failed": 0, "unknown": 1}
    assert list(receipts["removed"]) == [False, True]
    receipts = s.redrive("x", confirm="x", journal=journal, progress=False)
    assert receipts.counts == {"confirmed": 2, "failed": 0, "unknown": 0}
    assert sorted(s.peek("x")["value"]) == ["one", "two"]


def test_what_is_gone_and_was_not_found_in_the_target_stays_unknown(
    s: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal"
    for name in ("x", "x-dlq"):
        s.create_topic(name)
    s.publish_batch("x-dlq", ["one", "two"])
    killed_before_sending(s, monkeypatch, "x", confirm="x", journal=journal)
    s.purge("x-dlq", confirm="x-dlq")
    for _ in range(2):
        receipts = s.redrive("x", confirm="x", journal=journal, progress=False)
        assert receipts.counts == {"confirmed": 0, "failed": 0, "unknown": 2}
    assert s.peek("x").empty


def test_what_is_gone_and_was_found_in_the_target_is_confirmed(
    s: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal"
    for name in ("x", "x-dlq"):
        s.create_topic(name)
    s.publish_batch("x-dlq", ["one", "two"])
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "outcome", killed)
        with pytest.raises(bk.Interrupted):
            s.redrive("x", confirm="x", journal=journal, progress=False)
    s.purge("x-dlq", confirm="x-dlq")
    for _ in range(2):
        receipts = s.redrive("x", confirm="x", journal=journal, progress=False)
        assert receipts.counts == {"confirmed": 2, "failed": 0, "unknown": 0}
        assert receipts["removed"].all()
    assert list(s.peek("x")["value"]) == ["one", "two"]


def test_a_journal_does_not_take_messages_of_a_topic_that_was_made_again_for_those_it_knows(
    s: Session, tmp_path: Path
) -> None:
    s.create_topic("x")
    for text in ("first", "second"):
        s.create_topic("x-dlq")
        s.publish("x-dlq", text)
        receipts = s.redrive("x", confirm="x", journal=tmp_path / "journal", progress=False)
        assert receipts["removed"].all()
        s.delete_topic("x-dlq", confirm="x-dlq")
    assert list(s.peek("x")["value"]) == ["first", "second"]
    assert receipts.counts == {"confirmed": 2, "failed": 0, "unknown": 0}


def test_a_target_that_did_not_answer_is_not_taken_for_one_without_copies(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("x", "x-dlq"):
        s.create_topic(name)
    s.publish_batch("x-dlq", ["one", "two"])
    with monkeypatch.context() as patch:
        patch.setattr(s.connection.dead_letters(), "remove", killed)
        with pytest.raises(bk.Interrupted):
            s.redrive("x", confirm="x", progress=False)
    # the topic must not know them by itself
    s.connection.native.topic("x").published_ids.clear()
    bounds, silent = s.inspector.bounds, [True]

    def silent_once(topic: str, **given: Any) -> Any:
        if topic == "x" and silent:
            silent.pop()
            raise bk.Unavailable("no answer")
        return bounds(topic, **given)

    with monkeypatch.context() as patch:
        patch.setattr(s.inspector, "bounds", silent_once)
        with pytest.warns(MoveWarning, match="no answer"):
            receipts = s.redrive("x", confirm="x", progress=False)
        assert receipts.counts == {"confirmed": 0, "failed": 2, "unknown": 0}
        assert not receipts["removed"].any()
    assert len(s.dead_letters("x")) == 2
    assert s.redrive("x", confirm="x", progress=False)["removed"].all()
    assert list(s.peek("x")["value"]) == ["one", "two"]


def test_a_target_that_may_not_be_read_is_sent_to_with_a_warning(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("x", "x-dlq"):
        s.create_topic(name)
    s.publish("x", "earlier")
    s.publish_batch("x-dlq", ["one", "two"])
    read = s.inspector.read

    def refused(what: Any, **given: Any) -> Any:
        if what.topic == "x":
            raise bk.Unauthorized("reading is not allowed")
        return read(what, **given)

    with monkeypatch.context() as patch:
        patch.setattr(s.inspector, "read", refused)
        with pytest.warns(MoveWarning, match="reading is not allowed"):
            receipts = s.redrive("x", confirm="x", progress=False)
    assert receipts["removed"].all()
    assert list(s.peek("x")["value"]) == ["earlier", "one", "two"]
