"""The Service Bus emulator decides the same at any moment, also where a millisecond begins meanwhile."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from brokerkit.sandbox.servicebus import provision
from brokerkit.sandbox.servicebus.server import ROOT, ServiceBusServer

pytestmark = pytest.mark.broker

BROKER = """
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace
sys.path.append(sys.argv[1])
from brokerkit.sandbox.servicebus import clock
from brokerkit.sandbox.servicebus.broker import Broker
from brokerkit.sandbox.servicebus.store import open_store
from brokerkit.sandbox.servicebus.wire import Content
ticks = count(1_800_000_000_000)
clock.time = SimpleNamespace(time_ns=lambda: next(ticks) * 1_000_000)
broker = Broker(open_store(Path(sys.argv[2])))
"""

IN_A_SESSION = """
queue = broker.create("queue", "q", {"RequiresSession": "true"})
broker.send(queue, [Content(b"", b"", b"", b"", session="s") for _ in range(4)])
lock = broker.accept_session(queue.holder(), "s")
first, second, third, fourth = broker.take(queue.holder(), session="s", count=4, lock=True)
broker.complete(queue.holder(), first.token)
broker.abandon(queue.holder(), second.token, {})
broker.dead_letter(queue.holder(), third.token, None, None, {})
broker.defer(queue.holder(), fourth.token, {})
"""

SCHEDULED = """
topic = broker.create("topic", "t", {})
subscription = broker.create("subscription", "t/Subscriptions/s", {})
for ahead in range(12):
    broker.send(topic, [Content(b"", b"", b"", b"", scheduled=next(ticks) + ahead)])
for _ in range(12):
    broker.tick()
assert broker.messages.counts(topic.holder()) == ({}, 0), broker.messages.counts(topic.holder())
assert broker.messages.counts(subscription.holder())[0] == {0: 12}
"""

AT_ITS_END = """
from brokerkit.sandbox.servicebus.errors import Refusal
queue = broker.create("queue", "q", {})
broker.send(queue, [Content(b"", b"", b"", b"")])
(held,) = broker.take(queue.holder(), count=1, lock=True)
of_sessions = broker.create("queue", "s", {"RequiresSession": "true"})
lock = broker.accept_session(of_sessions.holder(), "one")
for end, use in [
    (held.locked_until, lambda: broker.complete(queue.holder(), held.token)),
    (lock.until, lambda: broker.sessions.held(of_sessions.holder(), "one")),
]:
    clock.time = SimpleNamespace(time_ns=lambda: end * 1_000_000)
    try:
        use()
    except Refusal:
        continue
    raise AssertionError("it still holds at the time that was told as its end")
assert broker.messages.overdue_locks(held.locked_until)
assert broker.sessions.overdue(lock.until)
"""


def run(work: str, folder: Path) -> None:
    """Run a broker for which a millisecond passes whenever it looks at the time."""
    command = [str(provision.provision()), "-c", BROKER + work, str(ROOT), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_message_is_settled_in_its_session_whatever_the_moment(
    servicebus_server: ServiceBusServer, tmp_path: Path
) -> None:
    run(IN_A_SESSION, tmp_path)


def test_a_message_whose_time_comes_as_it_is_sent_reaches_the_subscriptions(
    servicebus_server: ServiceBusServer, tmp_path: Path
) -> None:
    run(SCHEDULED, tmp_path)


def test_a_lock_has_ended_at_the_time_that_was_told_as_its_end(tmp_path: Path) -> None:
    """Clients look at the clock themselves: theirs and the server's answer must not differ for a millisecond."""
    run(AT_ITS_END, tmp_path)
