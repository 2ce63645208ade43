"""What a user may rely on when publishing."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from brokerkit.backends.inmem.publisher import InmemPublisher
from brokerkit.core import (
    AbandonedWarning,
    AckFailed,
    BrokerError,
    Closed,
    ConfigError,
    ConnectedPublisher,
    NotFound,
    NotSupported,
    OutboundMessage,
    PublishResult,
    TooLarge,
    Unavailable,
)
from brokerkit.core.contract.publisher import PublisherDriver
from brokerkit.core.runtime import sending
from brokerkit.core.vocabulary.outbound_rows import OutboundRows
from brokerkit.testing.waiting import eventually

from .conftest import Desk

pytestmark = pytest.mark.timeout(120)


def stored(desk: Desk, topic: str = "orders") -> list[bytes | None]:
    partitions = desk.store.topics[topic].partitions
    return [entry.value for each in partitions for entry in each.range(0, each.end)]


def numbered(count: int, key: str | None = None) -> list[OutboundMessage]:
    return [OutboundMessage(b"%d" % number, key=key) for number in range(count)]


def test_every_message_has_its_outcome_in_order(desk: Desk) -> None:
    desk.topic()
    results = desk.connection.publisher().topic("orders").publish_batch(numbered(3))
    assert [(each.status, each.id) for each in results] == [
        ("confirmed", "0-0"),
        ("confirmed", "0-1"),
        ("confirmed", "0-2"),
    ]


def test_a_batch_with_failures_does_not_raise_and_a_single_message_does(desk: Desk) -> None:
    publisher = desk.connection.publisher()
    (result,) = publisher.topic("nowhere").publish_batch(numbered(1))
    assert result.status == "failed"
    assert isinstance(result.error, NotFound)
    with pytest.raises(NotFound, match="nowhere"):
        publisher.topic("nowhere").publish(OutboundMessage(b""))


class Foreign(InmemPublisher):
    """Reports an error of its client library, and the password in another."""

    def send(self, batch: Any, timeout: float) -> list[PublishResult]:
        told = BrokerError("refused for user:hunter2")
        return [
            PublishResult("failed", error=ConnectionError("cut") if row else told)  # type: ignore[arg-type]  # the fault
            for row in range(len(batch))
        ]


def test_the_errors_of_outcomes_are_errors_of_brokerkit_without_secrets(desk: Desk) -> None:
    desk.topic()

    def translate(error: BaseException) -> BrokerError:
        text = str(error).replace("hunter2", "***")
        return type(error)(text) if isinstance(error, BrokerError) else Unavailable(text, retryable=False)

    publisher = ConnectedPublisher(
        Foreign(desk.store, False),
        name="orders",
        capabilities=desk.connection.capabilities,
        translate=translate,
    )
    with publisher:
        told, cut = publisher.topic("orders").publish_batch(numbered(2))
        assert str(told.error) == "refused for user:***"
        assert isinstance(cut.error, Unavailable)
        assert str(cut.error) == "cut"


def test_an_empty_batch_does_nothing(desk: Desk, monkeypatch: Any) -> None:
    sent: list[object] = []
    monkeypatch.setattr(InmemPublisher, "send", lambda _, batch, timeout: sent.append(batch) or [])
    topic = desk.connection.publisher().topic("orders")
    assert topic.publish_batch([]) == []
    assert list(topic.publish_rows(OutboundRows([]))) == []
    assert sent == []


def test_a_passing_failure_is_retried_and_keeps_the_order_of_a_key(desk: Desk) -> None:
    desk.topic()
    desk.faults.fail_publishes(3)
    results = desk.connection.publisher().topic("orders").publish_batch(numbered(3, key="a"))
    assert all(result.ok for result in results)
    assert stored(desk) == [b"0", b"1", b"2"]


def test_a_message_that_others_of_its_key_have_overtaken_is_not_retried(desk: Desk) -> None:
    desk.topic()
    desk.faults.fail_publishes(1)
    results = desk.connection.publisher().topic("orders").publish_batch(numbered(3, key="a"))
    assert [result.status for result in results] == ["failed", "confirmed", "confirmed"]
    assert stored(desk) == [b"1", b"2"]


def test_without_a_key_one_failure_is_retried_alone(desk: Desk) -> None:
    desk.topic()
    desk.faults.fail_publishes(1)
    results = desk.connection.publisher().topic("orders").publish_batch(numbered(3))
    assert all(result.ok for result in results)
    assert stored(desk) == [b"1", b"2", b"0"]


def test_a_lost_confirmation_is_retried_under_its_name_and_stored_once(desk: Desk) -> None:
    desk.topic()
    desk.faults.lose_confirmations(2)
    results = desk.connection.publisher().topic("orders").publish_batch(numbered(2, key="a"))
    assert [result.id for result in results] == ["0-0", "0-1"]
    assert stored(desk) == [b"0", b"1"]


def test_a_lost_confirmation_without_names_stays_unknown_and_is_never_repeated(desk: Desk) -> None:
    desk.topic()
    publisher = desk.connection.publisher()
    publisher.capabilities = publisher.capabilities.but(dedup_ids=False)
    desk.faults.lose_confirmations(1)
    (result,) = publisher.topic("orders").publish_batch(numbered(1))
    assert result.status == "unknown"
    assert isinstance(result.error, Unavailable)
    assert stored(desk) == [b"0"]


def test_a_message_that_may_be_stored_is_not_failed_when_it_is_refused_later(desk: Desk) -> None:
    desk.topic()
    desk.faults.lose_confirmations(1)
    desk.faults.fail_publishes(1, BrokerError("no"))
    (result,) = desk.connection.publisher().topic("orders").publish_batch(numbered(1))
    assert result.status == "unknown"
    assert stored(desk) == [b"0"]


@pytest.mark.extended
@pytest.mark.parametrize("window", [0.0, 0.1, None])
def test_a_message_that_may_be_stored_is_sent_again_only_where_the_topic_recognizes_it(
    desk: Desk, window: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.topic()
    monkeypatch.setattr(InmemPublisher, "known_again", lambda *_: window)
    desk.faults.lose_confirmations(1)
    publisher = desk.connection.publisher()
    (result, second) = publisher.topic("orders").publish_batch(numbered(2), timeout=1.0)
    assert (result.status, second.status) == ("unknown", "confirmed")
    assert stored(desk) == [b"0", b"1"]


@pytest.mark.parametrize("key", ["a", None])
def test_unsent_messages_do_not_overtake_those_that_may_be_lost(
    desk: Desk, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.topic()
    monkeypatch.setattr(sending, "FIRST_RETRY_SECONDS", 0.01)
    windows = [None, None]
    monkeypatch.setattr(InmemPublisher, "known_again", lambda *_: windows.pop() if windows else 60.0)
    desk.faults.lose_messages(2)
    desk.faults.fail_publishes(3)
    results = desk.connection.publisher().topic("orders").publish_batch(numbered(5, key=key))
    assert all(result.ok for result in results)
    assert stored(desk) == [b"0", b"1", b"2", b"3", b"4"]


@pytest.mark.extended
def test_refused_messages_are_sent_again_before_those_that_may_be_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is not known whether that is remembered, so that nothing waits for longer than it has to."""
    desk.topic()
    monkeypatch.setattr(sending, "FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(InmemPublisher, "known_again", lambda *_: None)
    desk.faults.fail_publishes(1)
    desk.faults.lose_messages(1)
    results = desk.connection.publisher().topic("orders").publish_batch(numbered(2, key="a"), timeout=1.0)
    assert [result.status for result in results] == ["confirmed", "unknown"]
    assert stored(desk) == [b"0"]


def test_a_failure_that_will_not_pass_is_not_retried(desk: Desk) -> None:
    desk.topic()
    desk.faults.fail_publishes(1, BrokerError("no"))
    (result,) = desk.connection.publisher().topic("orders").publish_batch(numbered(1))
    assert (result.status, stored(desk)) == ("failed", [])


@pytest.mark.extended
def test_publishing_gives_up_at_its_timeout(desk: Desk) -> None:
    desk.topic()
    publisher = desk.connection.publisher()
    desk.faults.stop()
    began = time.monotonic()
    (result,) = publisher.topic("orders").publish_batch(numbered(1), timeout=0.5)
    assert time.monotonic() - began < 30
    assert result.status == "failed"
    assert isinstance(result.error, Unavailable)


@pytest.mark.parametrize("wrong", [1, {"id": 1}, [b"x"], 1.5, True])
def test_values_other_than_bytes_are_a_type_error_and_never_converted(wrong: Any) -> None:
    with pytest.raises(TypeError, match="json"):
        OutboundMessage(wrong)
    with pytest.raises(TypeError, match="json"):
        OutboundMessage(b"", key=wrong)


@pytest.mark.parametrize("wrong", [0, "ab", ["ab"], {"a": object()}, [("a", [1])], {1: "a"}, [("a",)]])
def test_attributes_of_a_wrong_type_are_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError):
        OutboundMessage(b"", attributes=wrong)


def test_nothing_is_sent_when_one_of_a_batch_has_a_wrong_type(desk: Desk) -> None:
    desk.topic()
    topic = desk.connection.publisher().topic("orders")
    with pytest.raises(TypeError, match="OutboundMessage"):
        topic.publish_batch([OutboundMessage(b"x"), b"y"])  # type: ignore[list-item]  # on purpose
    assert stored(desk) == []


def test_values_that_would_not_survive_are_refused_before_sending(desk: Desk) -> None:
    desk.topic()
    publisher = desk.connection.publisher()
    publisher.capabilities = publisher.capabilities.but(
        null_value=False,
        empty_key=False,
        keys="text",
        duplicate_attributes=False,
        attribute_types=frozenset({"string"}),
        max_message_bytes=10,
    )
    topic = publisher.topic("orders")
    results = topic.publish_batch(
        [
            OutboundMessage(None),
            OutboundMessage(b"", key=b""),
            OutboundMessage(b"", key=b"\xff"),
            OutboundMessage(b"", attributes=[("a", "1"), ("a", "2")]),
            OutboundMessage(b"x" * 11),
            OutboundMessage(b"fine"),
        ]
    )
    kinds = [type(result.error) for result in results]
    assert kinds == [ConfigError, ConfigError, ConfigError, ConfigError, TooLarge, type(None)]
    assert stored(desk) == [b"fine"]
    with pytest.raises(TypeError, match="does not carry"):
        topic.publish(OutboundMessage(b"", attributes={"a": b"bytes"}))


def test_many_threads_get_their_own_outcomes_and_keep_their_order(desk: Desk) -> None:
    desk.topic()
    publisher = desk.connection.publisher()
    outcomes: dict[int, list[PublishResult]] = {}

    def send(number: int) -> None:
        messages = [OutboundMessage(b"%d-%03d" % (number, row), key=str(number)) for row in range(50)]
        outcomes[number] = [publisher.topic("orders").publish(message) for message in messages]

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    values = [value for value in stored(desk) if value is not None]
    assert len(values) == 200
    for number in range(4):
        mine = [value for value in values if value.startswith(b"%d-" % number)]
        assert mine == sorted(mine)
        offsets = [int((result.id or "").split("-")[1]) for result in outcomes[number]]
        assert [values[offset] for offset in offsets] == mine


class Hanging(PublisherDriver):
    """Sends nothing until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.closed = threading.Event()
        self.sent: list[bytes | None] = []

    def send(self, batch: Any, timeout: float) -> list[PublishResult]:
        self.begun.set()
        assert self.go.wait(90)
        self.sent.extend(message.data for _, message in batch)
        return [PublishResult("confirmed") for _ in batch]

    def close(self, timeout: float) -> None:
        self.closed.set()


def over(desk: Desk, driver: PublisherDriver) -> ConnectedPublisher:
    return ConnectedPublisher(
        driver,
        name="test",
        capabilities=desk.connection.capabilities,
        translate=desk.connection.translate,
    )


def test_waiting_behind_a_hanging_send_ends_with_an_outcome(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr("brokerkit.core.runtime.publisher.GRACE_SECONDS", 0.1)
    driver = Hanging()
    publisher = over(desk, driver)
    first = threading.Thread(target=publisher.topic("t").publish_batch, args=([OutboundMessage(b"1")],))
    first.start()
    assert driver.begun.wait(60)
    (waiting,) = publisher.topic("t").publish_batch([OutboundMessage(b"2")], timeout=0.1)
    assert waiting.status == "failed"
    driver.go.set()
    first.join(60)
    publisher.close()
    assert driver.sent == [b"1"]


def test_a_send_that_hangs_is_unknown_at_the_timeout(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr("brokerkit.core.runtime.publisher.GRACE_SECONDS", 0.1)
    driver = Hanging()
    publisher = over(desk, driver)
    (result,) = publisher.topic("t").publish_batch([OutboundMessage(b"1")], timeout=0.1)
    assert result.status == "unknown"
    driver.go.set()
    publisher.close()


@pytest.mark.extended
def test_closing_keeps_its_timeout_while_a_send_hangs_and_leaves_when_it_comes_back(desk: Desk) -> None:
    driver = Hanging()
    publisher = over(desk, driver)
    results: list[PublishResult] = []

    def send() -> None:
        results.extend(publisher.topic("t").publish_batch([OutboundMessage(b"1")]))

    sender = threading.Thread(target=send)
    sender.start()
    assert driver.begun.wait(60)
    began = time.monotonic()
    with pytest.warns(AbandonedWarning, match="may or may not be stored"):
        publisher.close(0.3)
    assert time.monotonic() - began < 60
    driver.go.set()
    assert driver.closed.wait(60)
    sender.join(60)
    assert [result.status for result in results] == ["confirmed"]


@pytest.mark.extended
def test_closing_ends_retries_in_time(desk: Desk) -> None:
    desk.topic()
    publisher = desk.connection.publisher()
    desk.faults.stop()
    results: list[PublishResult] = []
    sender = threading.Thread(
        target=lambda: results.extend(publisher.topic("orders").publish_batch(numbered(1)))
    )
    sender.start()
    eventually(lambda: publisher._driver_thread._thread.is_alive() and not publisher._waiting, "it is taken")
    began = time.monotonic()
    publisher.close(1)
    assert time.monotonic() - began < 60
    sender.join(60)
    assert [result.status for result in results] == ["failed"]


class Miscounting(Hanging):
    def send(self, batch: Any, timeout: float) -> list[PublishResult]:
        return [PublishResult("confirmed")]


def test_a_driver_that_loses_count_confirms_nothing(desk: Desk) -> None:
    with over(desk, Miscounting()) as publisher:
        results = publisher.topic("t").publish_batch(numbered(2), timeout=0.2)
    assert [result.status for result in results] == ["unknown", "unknown"]


def test_a_closed_publisher_says_so(desk: Desk) -> None:
    desk.topic()
    publisher = desk.connection.publisher()
    publisher.close()
    publisher.close()
    with pytest.raises(Closed):
        publisher.topic("orders").publish(OutboundMessage(b""))


def test_a_committed_transaction_is_visible_as_a_whole(desk: Desk) -> None:
    desk.topic()
    publisher = desk.connection.publisher(transactional_id="t")
    with publisher.transaction() as tx:
        tx.topic("orders").publish_batch(numbered(2))
        assert stored(desk) == []
    assert stored(desk) == [b"0", b"1"]


def test_a_block_that_raises_aborts_and_keeps_its_error(desk: Desk) -> None:
    desk.topic()
    publisher = desk.connection.publisher(transactional_id="t")
    with pytest.raises(ZeroDivisionError), publisher.transaction() as tx:  # the block is the test
        tx.topic("orders").publish(OutboundMessage(b"x"))
        raise ZeroDivisionError
    with publisher.transaction():
        pass
    assert stored(desk) == []


def test_a_commit_that_fails_stores_nothing_and_leaves_no_transaction_open(desk: Desk) -> None:
    desk.topic()
    desk.topic("other")
    publisher = desk.connection.publisher(transactional_id="t")
    publisher.begin()
    publisher.topic("orders").publish(OutboundMessage(b"x"))
    publisher.topic("other").publish(OutboundMessage(b"y"))
    desk.connection.delete_topic("other")
    with pytest.raises(NotFound):
        publisher.commit()
    assert stored(desk) == []
    publisher.abort()
    publisher.begin()
    publisher.abort()


def test_outside_of_a_transaction_a_transactional_publisher_refuses(desk: Desk) -> None:
    desk.topic()
    publisher = desk.connection.publisher(transactional_id="t")
    with pytest.raises(ConfigError, match="transaction"):
        publisher.topic("orders").publish(OutboundMessage(b""))
    with pytest.raises(ConfigError, match="no transaction"):
        publisher.commit()
    publisher.begin()
    with pytest.raises(ConfigError, match="begun already"):
        publisher.begin()


def test_a_publisher_without_a_transactional_id_has_no_transactions(desk: Desk) -> None:
    with pytest.raises(NotSupported, match="transactional_id"):
        desk.connection.publisher().begin()


def test_closing_in_a_transaction_aborts_it(desk: Desk) -> None:
    desk.topic()
    publisher = desk.connection.publisher(transactional_id="t")
    publisher.begin()
    publisher.topic("orders").publish(OutboundMessage(b"x"))
    publisher.close()
    assert stored(desk) == []


def test_a_peeked_message_has_nothing_to_acknowledge() -> None:
    from brokerkit.core import Message

    with pytest.raises(AckFailed, match="did not come from a consumer"):
        Message("1", b"").ack()
