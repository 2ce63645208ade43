"""Publishing while connections are lost: stored once where the broker deduplicates, or said to be in doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest

import brokerkit as bk
from brokerkit.backends.pulsar.sending import TWICE, Producer, Sending
from brokerkit.core import OutboundMessage
from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.sandbox.proxy import Proxy, Way
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.testing import eventually
from brokerkit.workbench import Session

from .conftest import new_name

pytestmark = pytest.mark.broker

ROWS = 3_000


@pytest.fixture
def proxy(pulsar_server: PulsarServer) -> Iterator[Proxy]:
    with pulsar_server.proxy() as made:
        yield made


@pytest.fixture
def session(pulsar_server: PulsarServer, proxy: Proxy) -> Iterator[Session]:
    with bk.connect(f"pulsar://127.0.0.1:{proxy.port}?admin={pulsar_server.admin}") as opened:
        yield opened


@pytest.fixture
def make(pulsar_server: PulsarServer, session: Session) -> Callable[[bool], str]:
    def make_topic(deduplicated: bool) -> str:
        name = new_name()
        session.create_topic(name)
        path = f"{pulsar_server.admin}/admin/v2/persistent/public/default/{name}"
        if deduplicated:
            httpx.post(f"{path}/deduplicationEnabled", json=True, trust_env=False).raise_for_status()

            def enabled() -> bool:
                stats = httpx.get(f"{path}/stats", trust_env=False).json()
                return bool(stats["deduplicationStatus"] == "Enabled")

            eventually(enabled, "the topic is deduplicated")
        return f"persistent://public/default/{name}"

    return make_topic


def published_through_cuts(session: Session, proxy: Proxy, topic: str) -> tuple[list[str], list[str]]:
    """What each outcome says (a row that was in doubt is "twice?"), and what is stored."""
    messages = [OutboundMessage(b"%d" % number, key=f"k{number % 7}") for number in range(ROWS)]
    said: list[str] = []
    publisher = session.shared_publisher().topic(topic)
    for begin in range(0, ROWS, 500):
        # confirmations are on their way when the connection breaks
        proxy.after(5_000 + begin, proxy.cut, way=Way.TO_CLIENT)
        for result in publisher.publish_batch(messages[begin : begin + 500]):
            said.append("twice?" if result.ok and result.error is not None else result.status)
    proxy.mend()
    return said, list(session.scan(topic).to_pandas()["value"])


def test_a_deduplicated_topic_holds_each_message_once(
    session: Session, proxy: Proxy, make: Callable[[bool], str]
) -> None:
    said, stored = published_through_cuts(session, proxy, make(True))
    assert set(said) == {"confirmed"}
    assert stored == [str(number) for number in range(ROWS)]


def test_messages_after_a_lost_first_confirmation_are_stored_on_a_deduplicated_topic(
    pulsar_server: PulsarServer, session: Session, proxy: Proxy, make: Callable[[bool], str]
) -> None:
    topic = make(True)
    publisher = session.shared_publisher().topic(topic)
    messages = [OutboundMessage(b"%d" % number + b" " * 50_000) for number in range(40)]
    arrived = f"{pulsar_server.admin}/admin/v2/{topic.replace('://', '/')}/internalStats"

    def entries() -> int:
        return int(httpx.get(arrived, trust_env=False).json()["numberOfEntries"])

    # a part of the first messages is stored, and no confirmation comes
    proxy.after(20_000, partial(proxy.half_open, ways=(Way.TO_CLIENT,)), way=Way.TO_SERVER)
    proxy.after(500_000, partial(proxy.stall, ways=(Way.TO_SERVER,)), way=Way.TO_SERVER)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(publisher.publish_batch, messages[:20])
        eventually(lambda: entries() > 5, "some are stored")
        proxy.cut()
        proxy.mend()
        results = [*first.result(60), *publisher.publish_batch(messages[20:])]
    assert [result.status for result in results] == ["confirmed"] * len(messages)
    stored = session.scan(topic, decode="raw").to_arrow()["raw"].to_pylist()
    assert [payload.rstrip(b" ") for payload in stored] == [b"%d" % number for number in range(len(messages))]


def test_elsewhere_a_message_that_may_be_there_twice_is_said_to_be(
    session: Session, proxy: Proxy, make: Callable[[bool], str]
) -> None:
    topic = make(False)
    said, stored = published_through_cuts(session, proxy, topic)
    assert set(said) <= {"confirmed", "twice?"}
    assert "twice?" in said
    counts = Counter(stored)
    assert set(counts) == {str(number) for number in range(ROWS)}
    assert {int(value) for value, count in counts.items() if count > 1} <= {
        row for row, each in enumerate(said) if each == "twice?"
    }


@pytest.mark.parametrize("deduplicated", [False, True])
def test_stored_messages_are_not_called_failed_because_the_topic_takes_no_more(
    pulsar_server: PulsarServer,
    session: Session,
    proxy: Proxy,
    make: Callable[[bool], str],
    deduplicated: bool,
) -> None:
    topic = make(deduplicated)
    path = f"{pulsar_server.admin}/admin/v2/{topic.replace('://', '/')}"
    publisher = session.shared_publisher().topic(topic)
    publisher.publish_batch([OutboundMessage(b"first")])
    proxy.half_open(ways=(Way.TO_CLIENT,))
    with ThreadPoolExecutor() as pool:
        results = pool.submit(publisher.publish_batch, [OutboundMessage(b"%d" % row) for row in range(10)])
        eventually(lambda: _entries(path) == 11, "all are stored")
        httpx.post(f"{path}/terminate", trust_env=False).raise_for_status()
        proxy.cut()
        proxy.mend()
        assert {result.status for result in results.result(60)} == {"unknown"}


@pytest.mark.parametrize("partitions", [None, 1])
def test_a_connection_that_is_lost_and_found_between_two_looks_is_noticed(
    pulsar_server: PulsarServer, session: Session, proxy: Proxy, partitions: int | None
) -> None:
    name = new_name()
    session.create_topic(name, partitions=partitions)
    topic = f"persistent://public/default/{name}"
    path = f"{pulsar_server.admin}/admin/v2/persistent/public/default/{name}"
    path += "" if partitions is None else "-partition-0"
    native = session.native.create_producer(topic)
    producer = Producer(native, deduplicated=False, batching=False, chunking=False, topic=topic)
    sending = Sending([producer] * 30)

    def begin(first: int, last: int) -> None:
        for row in range(first, last):
            sending.begin(row, OutboundMessage(b"%d" % row), None, None)

    begin(0, 10)
    assert sending.arrived(Deadline(60))
    proxy.half_open(ways=(Way.TO_CLIENT,))
    begin(10, 20)
    eventually(lambda: _entries(path) == 20, "all are stored")
    proxy.cut()
    proxy.mend()
    eventually(lambda: _entries(path) == 30, "they are stored once more")
    begin(20, 30)
    outcomes = sending.outcomes(Deadline(60))
    native.close()
    assert [outcome.status for outcome in outcomes] == ["confirmed"] * 30
    assert [outcome.error for outcome in outcomes][:20] == [None] * 10 + [TWICE] * 10


def _entries(path: str) -> int:
    return int(httpx.get(f"{path}/internalStats", trust_env=False).json()["numberOfEntries"])


@pytest.mark.parametrize("keys", ["abba", "abcabc", "abab"])
def test_batches_of_several_keys_lose_nothing_on_a_deduplicated_topic(
    pulsar_server: PulsarServer, make: Callable[[bool], str], keys: str
) -> None:
    for knows_admin in (True, False):
        topic = make(True)
        admin = f"&admin={pulsar_server.admin}" if knows_admin else ""
        with bk.connect(f"{pulsar_server.url}?batching=true{admin}") as session:
            messages = [OutboundMessage(b"%d" % row, key=key) for row, key in enumerate(keys)]
            results = session.shared_publisher().topic(topic).publish_batch(messages)
            stored = set(session.scan(topic).to_pandas()["value"])
            assert {str(row) for row, result in enumerate(results) if result.ok} == stored
            if knows_admin:
                assert len(stored) == len(keys)
