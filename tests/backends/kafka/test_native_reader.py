"""The native reader: the same rows, errors and counts as the client library gives."""

from __future__ import annotations

import ctypes
import logging
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError

import brokerkit as bk
from brokerkit.backends.kafka import reader as kafka_reader
from brokerkit.backends.kafka.native import library
from brokerkit.backends.kafka.native.consumer import NativeConsumer, carried
from brokerkit.backends.kafka.options import ReaderChoice
from brokerkit.core import ConfigError, Connection, NotFound, OutboundMessage, Unavailable, connect
from brokerkit.core.vocabulary.topics import Slice
from tests.brokers.kafka_mock import Api, MockCluster
from tests.conftest import missing

from .conftest import publish


@pytest.fixture(autouse=True)
def compiled() -> None:
    """Skips where the reader was not compiled, or fails where it is required."""
    try:
        library.library()
    except library.NotUsable as reason:
        missing("native", str(reason), "reader")


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The topics of which the native reader took messages; a test that used none proves nothing."""
    topics: list[str] = []
    take = NativeConsumer.take

    def noted(consumer: NativeConsumer, topic: str, *arguments: Any, **options: Any) -> Any:
        topics.append(topic)
        return take(consumer, topic, *arguments, **options)

    monkeypatch.setattr(NativeConsumer, "take", noted)
    yield topics
    assert topics


@pytest.fixture
def native(mock_cluster: MockCluster, taken: list[str]) -> Iterator[Connection]:
    with connect(f"kafka://{mock_cluster.bootstrap}", reader="native") as connection:
        yield connection


MIXED = [
    OutboundMessage(None, key=None, partition=0),
    OutboundMessage(b"", key=b"", partition=0),
    OutboundMessage(
        b"\xff\x00", key=b"\xfe", partition=0, attributes=[("a", b"1"), ("a", None), ("", b""), ("é", "ü")]
    ),
    OutboundMessage(b"big" * 300_000, partition=0),
    *(
        OutboundMessage(
            b"%d" % n * (n % 9), key=b"k%d" % n if n % 3 else None, partition=0, attributes={"n": b"%d" % n}
        )
        for n in range(3_000)
    ),
]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"slice_rows": 700},
        *(
            pytest.param(options, marks=pytest.mark.extended)
            for options in ({"attributes": False}, {"decode": "raw"}, {"where": "33"}, {"header": "n"})
        ),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:where= could not look into")
def test_a_scan_is_the_same_whatever_reads(
    mock: Connection,
    mock_cluster: MockCluster,
    mock_topic: str,
    taken: list[str],
    options: dict[str, Any],
) -> None:
    publish(mock, mock_topic, *MIXED)
    tables = []
    for reader in ("python", "native"):
        with bk.connect(f"kafka://{mock_cluster.bootstrap}", reader=reader) as session:
            tables.append(session.scan(mock_topic, progress=False, **options).to_arrow())
    tables[1].validate(full=True)
    assert tables[0].num_rows
    assert tables[0].equals(tables[1])


@pytest.mark.extended
def test_rows_and_parts_of_them_are_the_same_objects_of_python(
    mock: Connection, native: Connection, mock_topic: str
) -> None:
    publish(mock, mock_topic, *MIXED)
    slice_ = Slice(mock_topic, 0, 1, 2_000)

    def parts(connection: Connection) -> Iterator[Any]:
        for columns in connection.inspector().read(slice_):
            for piece in (columns, columns.slice(1, 40), columns.take([2, 0])):
                yield from piece.to_records() if columns is piece else ()
            assert columns.slice(1, 40).to_records() == columns.to_records()[1:40]
            if columns.length > 2:
                assert columns.take([2, 0]).to_records() == [columns.to_records()[n] for n in (2, 0)]

    found, expected = list(parts(native)), list(parts(mock))
    assert [record.offset for record in found] == list(range(1, 2_000))
    assert found == expected


def test_a_batch_is_as_large_as_it_may_be_and_larger_only_for_one_message(
    mock: Connection, native: Connection, mock_topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_reader, "BATCH_BYTES", 10_000)
    sizes = [10, 3_000, 3_000, 3_000, 3_000, 50_000, 1, 9_999, 2, 100_000]
    publish(mock, mock_topic, *(OutboundMessage(b"x" * size, partition=0) for size in sizes))
    parts = [
        [len(value) for value in columns.value]
        for columns in native.inspector().read(Slice(mock_topic, 0, 0, len(sizes)))
        if columns.length
    ]
    assert [size for part in parts for size in part] == sizes
    assert all(len(part) == 1 or sum(part) <= 10_000 for part in parts)


@pytest.mark.extended
def test_records_that_were_deleted_are_passed_over(
    mock: Connection, native: Connection, mock_cluster: MockCluster, mock_topic: str
) -> None:
    publish(mock, mock_topic, *(OutboundMessage(b"%d" % n, partition=0) for n in range(20)))
    mock_cluster.delete_records(mock_topic, 0, 15)
    with pytest.warns(UserWarning, match="offsets 0 to 14"):
        offsets = [
            n for columns in native.inspector().read(Slice(mock_topic, 0, 0, 20)) for n in columns.offset
        ]
    assert offsets == [15, 16, 17, 18, 19]


@pytest.mark.extended
def test_errors_of_the_broker_are_those_of_the_client_library(taken: list[str]) -> None:
    said = []
    for reader in ("python", "native"):
        with MockCluster() as cluster, connect(f"kafka://{cluster.bootstrap}", reader=reader) as connection:
            cluster.create_topic("denied")
            publish(connection, "denied", b"x")
            cluster.fail_next(Api.FETCH, [KafkaError.TOPIC_AUTHORIZATION_FAILED] * 3)
            with pytest.raises(bk.Unauthorized) as caught:
                list(connection.inspector().read(Slice("denied", 0, 0, 1)))
            said.append(str(caught.value))
            with pytest.raises(NotFound, match="missing"):
                list(connection.inspector().read(Slice("missing", 0, 0, 1)))
    assert said[0] == said[1]


@pytest.mark.extended
def test_a_broker_that_is_away_is_named_and_closing_does_not_wait_for_it(taken: list[str]) -> None:
    with MockCluster() as cluster:
        cluster.create_topic("away")
        connection = connect(f"kafka://{cluster.bootstrap}", reader="native")
        publish(connection, "away", b"1")
        inspector = connection.inspector()
        assert [value for columns in inspector.read(Slice("away", 0, 0, 1)) for value in columns.value] == [
            b"1"
        ]
        cluster.broker_down()
        with pytest.raises(Unavailable):
            list(inspector.read(Slice("away", 0, 0, 5), stall=1))
        began = time.monotonic()
        connection.close()
        assert time.monotonic() - began < 60


def test_the_log_of_librdkafka_goes_to_the_logger_without_secrets(
    mock_cluster: MockCluster, mock: Connection, mock_topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    publish(mock, mock_topic, OutboundMessage(b"x", partition=0))
    with caplog.at_level(logging.DEBUG, "brokerkit.kafka"):
        url = f"kafka://{mock_cluster.bootstrap}"
        with connect(url, reader="native", debug="fetch", **{"ssl.key.password": "hush-hush"}) as connection:
            list(connection.inspector().read(Slice(mock_topic, 0, 0, 1)))
    assert "brokerkit-reader-" in caplog.text or "FETCH" in caplog.text
    assert "hush-hush" not in caplog.text


@pytest.mark.parametrize(
    "settings",
    [
        {"oauth_cb": lambda config: ("token", time.time() + 60)},
        {"sasl.oauthbearer.method": "oidc"},
        {"sasl.mechanism": "OAUTHBEARER"},
        {"plugin.library.paths": "x"},
        {"client.id": "a\0b"},
        {"client.id": b"bytes"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_properties_that_it_cannot_carry_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(library.NotUsable):
        carried(settings)


@pytest.mark.extended
@pytest.mark.skipif("BROKERKIT_TEST_READER" in os.environ, reason="something else is said")
def test_it_reads_where_it_is_chosen_and_nowhere_else(
    mock: Connection, mock_cluster: MockCluster, mock_topic: str, taken: list[str]
) -> None:
    publish(mock, mock_topic, OutboundMessage(b"x", partition=0))
    for reader, expected in [({}, []), ({"reader": "python"}, []), ({"reader": "auto"}, [mock_topic])]:
        with connect(f"kafka://{mock_cluster.bootstrap}", **reader) as connection:
            parts = list(connection.inspector().read(Slice(mock_topic, 0, 0, 1)))
        assert [value for columns in parts for value in columns.value] == [b"x"]
        assert taken == expected


@pytest.mark.extended
@pytest.mark.parametrize(("reader", "warned"), [("auto", False), ("native", True)])
def test_without_the_compiled_part_the_client_library_reads_and_the_log_says_so(
    mock: Connection,
    mock_cluster: MockCluster,
    mock_topic: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    reader: ReaderChoice,
    warned: bool,
) -> None:
    caplog.set_level(logging.INFO, "brokerkit.kafka")
    publish(mock, mock_topic, OutboundMessage(b"x", partition=0))
    library._found.cache_clear()
    monkeypatch.setattr(library, "COMPILED", library.COMPILED.with_name("absent.so"))
    try:
        with connect(f"kafka://{mock_cluster.bootstrap}", reader=reader) as connection:
            parts = list(connection.inspector().read(Slice(mock_topic, 0, 0, 1)))
            described = kafka_reader.described_reader({}, reader)
    finally:
        library._found.cache_clear()
    assert [value for columns in parts for value in columns.value] == [b"x"]
    (said,) = [record for record in caplog.records if "C compiler" in record.getMessage()]
    assert (said.levelno == logging.WARNING) == warned
    assert described.startswith("python, since")


def test_another_word_for_the_reader_is_refused(mock_cluster: MockCluster) -> None:
    with pytest.raises(ConfigError, match="native"):
        connect(f"kafka://{mock_cluster.bootstrap}", reader="rust")


@pytest.mark.extended
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_ends_although_it_inherited_an_open_reader(
    mock: Connection, native: Connection, mock_topic: str
) -> None:
    publish(mock, mock_topic, *(OutboundMessage(b"%d" % n, partition=0) for n in range(10)))
    inspector = native.inspector()
    reading = inspector.read(Slice(mock_topic, 0, 0, 10))
    kept = next(reading)
    child = os.fork()
    if child == 0:
        try:
            del reading, inspector
            os._exit(0 if list(kept.offset) is not None else 1)
        except BaseException:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    rest = [value for columns in reading for value in columns.value]
    assert [*kept.value, *rest] == [b"%d" % n for n in range(10)]


def test_a_function_of_python_that_the_whole_process_shares_stays_as_it_is() -> None:
    assert ctypes.pythonapi.PyCapsule_New.argtypes is None
