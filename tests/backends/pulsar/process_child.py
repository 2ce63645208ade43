"""What `test_process` runs in a process of its own: ``python -m tests.backends.pulsar.process_child NAME URL``.

Each order ends the interpreter in a way in which the client library alone would abort or hang it.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from brokerkit.core import (
    Closed,
    ConnectedInspector,
    Connection,
    Message,
    MessageConsumer,
    OutboundMessage,
    UnsettledWarning,
    connect,
)

ORDERS: dict[str, Callable[[str], object]] = {}
_kept: list[Any] = []
"""What lives until the interpreter ends."""


def order(body: Callable[[str], object]) -> Callable[[str], object]:
    """An order in which things are done, by its name."""
    ORDERS[body.__name__] = body
    return body


def new_topic(connection: Connection, messages: int = 3) -> str:
    topic = f"process-{uuid.uuid4().hex[:12]}"
    with connection.publisher() as publisher:
        publisher.topic(topic).publish_batch([OutboundMessage(b"%d" % n) for n in range(messages)])
    return topic


def consumer_of(connection: Connection, topic: str, **options: Any) -> MessageConsumer:
    consumer = connection.consumer(topic, "me", start="earliest", **options)
    assert isinstance(consumer, MessageConsumer)
    return consumer


def interrupted(after: float, work: Callable[[], object]) -> None:
    """A real SIGINT in the middle of some work; it may also come a moment too early or too late."""
    timer = threading.Timer(after, lambda: os.kill(os.getpid(), signal.SIGINT))
    with contextlib.suppress(KeyboardInterrupt):
        timer.start()
        work()
        timer.join()
        time.sleep(0.01)  # a signal that came too late strikes here


def read_all(browser: ConnectedInspector, topic: str) -> None:
    for slice_ in browser.plan(topic):
        list(browser.read(slice_))


def take(steps: Sequence[Callable[[], object]]) -> None:
    for step in steps:
        step()


@order
def twenty_rounds(url: str) -> None:
    rounds(url, 20)


@order
def two_hundred_rounds(url: str) -> None:
    rounds(url, 200)


def rounds(url: str, count: int) -> None:
    """Connect, publish, read, be interrupted, and let go of it in ever another order."""
    chance = random.Random(1)
    for number in range(count):
        connection = connect(url)
        topic = new_topic(connection)
        consumer = consumer_of(connection, topic)
        held = consumer.next_batch(3, 60)
        assert len(held) == 3, f"round {number}: {len(held)} of 3 messages"
        held[0].ack()
        interrupted(chance.uniform(0.0, 0.08), partial(consumer.next_batch, 10, 0.2))
        browser = connection.inspector()
        interrupted(chance.uniform(0.0, 0.08), partial(read_all, browser, topic))
        steps: list[Callable[[], object]] = [consumer.close, browser.close, connection.close, gc.collect]
        chance.shuffle(steps)
        interrupted(chance.uniform(0.0, 0.05), partial(take, steps[: chance.randrange(5)]))
        del steps, connection, consumer, browser
        held.clear()
        gc.collect()


@order
def leave_without_closing(url: str) -> None:
    connection = connect(url)
    consumer = consumer_of(connection, new_topic(connection))
    _kept.extend([connection, consumer, consumer.next_batch(3, 60), connection.publisher()])


@order
def leave_while_a_thread_waits_for_messages(url: str) -> None:
    connection = connect(url)
    consumer = consumer_of(connection, new_topic(connection, 1))
    consumer.attach()

    def wait() -> None:
        with contextlib.suppress(Closed):
            _kept.extend(consumer.next_batch(100, None))

    threading.Thread(target=wait, daemon=True).start()
    time.sleep(0.3)  # the thread is in the middle of it when Python ends


@order
def leave_while_a_thread_publishes(url: str) -> None:
    connection = connect(url)
    topic = new_topic(connection)
    publisher = connection.publisher()

    def publish() -> None:
        with contextlib.suppress(Closed):
            while True:
                publisher.topic(topic).publish_batch([OutboundMessage(b"x" * 100) for _ in range(2000)])

    threading.Thread(target=publish, daemon=True).start()
    time.sleep(0.3)  # the thread is in the middle of it when Python ends


@order
def leave_while_a_thread_reads(url: str) -> None:
    connection = connect(url)
    topic = new_topic(connection, 2000)

    def read() -> None:
        browser = connection.inspector()
        with contextlib.suppress(Closed):
            while True:
                for slice_ in browser.plan(topic):
                    list(browser.read(slice_))

    threading.Thread(target=read, daemon=True).start()
    time.sleep(0.3)  # the thread is in the middle of it when Python ends


@order
def collect_the_connection_before_its_consumer(url: str) -> None:
    connection = connect(url)
    consumer = consumer_of(connection, new_topic(connection))
    consumer.attach()
    del connection
    gc.collect()
    _kept.append(consumer)


@order
def close_the_connection_in_a_handler(url: str) -> None:
    connection = connect(url)
    consumer = consumer_of(connection, new_topic(connection))

    def handle(message: Message) -> None:
        message.ack()
        connection.close()

    with contextlib.suppress(Closed):
        consumer.receive(handle)


@order
def leave_in_a_signal_handler(url: str) -> None:
    def leave(*_: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    connection = connect(url)
    consumer = consumer_of(connection, new_topic(connection, 1))
    _kept.extend([connection, consumer])
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    print("done", flush=True)
    consumer.next_batch(100, 60)
    raise AssertionError("the signal did not end it")


@order
def log_until_the_end(url: str) -> None:
    logging.basicConfig(level=logging.DEBUG, filename=os.devnull)
    logging.getLogger("brokerkit.pulsar").setLevel(logging.DEBUG)
    leave_while_a_thread_publishes(url)


def _in_child(connection: Connection, consumer: MessageConsumer) -> None:
    refused = ""
    try:
        consumer.next_batch(1, 1)
    except Closed as error:
        refused = str(error)
    assert "forked" in refused, "a forked child used its parent's consumer"
    del connection, consumer
    gc.collect()


@order
def fork_with_everything_open(url: str) -> None:
    """A child touches nothing it inherited, ends in order, and leaves its parent working."""
    connection = connect(url)
    topic = new_topic(connection)
    consumer = consumer_of(connection, topic)
    consumer.attach()
    pid = os.fork()
    if pid == 0:
        # this one ends as a script does, with everything collected
        del connection, consumer
        gc.collect()
        sys.exit(0)
    child = multiprocessing.get_context("fork").Process(target=_in_child, args=(connection, consumer))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert os.waitpid(pid, 0)[1] == 0
    messages = consumer.next_batch(3, 60)
    assert len(messages) == 3
    for message in messages:
        message.ack()
    connection.close()


@order
def leave_while_the_server_hangs(url: str) -> None:
    """The parent pauses the server when it is told so, and resumes it when this has ended."""
    connection = connect(url)
    topic = new_topic(connection)
    consumer = consumer_of(connection, topic)
    publisher = connection.publisher()
    _kept.extend([connection, consumer, consumer.next_batch(3, 60)])
    publisher.topic(topic).publish(OutboundMessage(b"x"))
    print("pause", flush=True)
    sys.stdin.readline()

    def publish() -> None:
        with contextlib.suppress(Closed):
            publisher.topic(topic).publish_batch([OutboundMessage(b"?")] * 100)

    threading.Thread(target=publish, daemon=True).start()
    threading.Thread(target=lambda: connection.inspector().bounds(topic), daemon=True).start()
    time.sleep(0.3)  # the thread is in the middle of it when Python ends


if __name__ == "__main__":
    warnings.simplefilter("ignore", UnsettledWarning)
    ORDERS[sys.argv[1]](sys.argv[2])
    print("done", flush=True)
