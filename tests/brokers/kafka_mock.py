"""librdkafka's mock cluster, for Kafka tests on machines that have only Python and pip.

It speaks the protocol of producing, fetching and consumer groups on real loopback sockets, from
threads of this process. It has no transactions that read_committed would see, no compaction, no
topic configuration and no list of groups, and a group that its last member left takes no other.

    with MockCluster() as cluster:
        cluster.create_topic("orders", partitions=3)
        ...  # cluster.bootstrap
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from ctypes import POINTER, c_char_p, c_int, c_int16, c_int32, c_int64, c_size_t, c_void_p
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

PRODUCER = 0
ERROR_BYTES = 512
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "rd_kafka_conf_new": (c_void_p, ()),
    "rd_kafka_conf_set": (c_int, (c_void_p, c_char_p, c_char_p, c_char_p, c_size_t)),
    "rd_kafka_new": (c_void_p, (c_int, c_void_p, c_char_p, c_size_t)),
    "rd_kafka_destroy": (None, (c_void_p,)),
    "rd_kafka_mock_cluster_new": (c_void_p, (c_void_p, c_int)),
    "rd_kafka_mock_cluster_destroy": (None, (c_void_p,)),
    "rd_kafka_mock_cluster_bootstraps": (c_char_p, (c_void_p,)),
    "rd_kafka_mock_topic_create": (c_int, (c_void_p, c_char_p, c_int, c_int)),
    "rd_kafka_mock_push_request_errors_array": (None, (c_void_p, c_int16, c_size_t, POINTER(c_int))),
    "rd_kafka_mock_set_controller_id": (None, (c_void_p, c_int32)),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, (c_void_p, c_int32)),
    "rd_kafka_mock_broker_set_down": (c_int, (c_void_p, c_int32)),
    "rd_kafka_mock_broker_set_up": (c_int, (c_void_p, c_int32)),
    "rd_kafka_mock_broker_set_rtt": (c_int, (c_void_p, c_int32, c_int)),
    "rd_kafka_mock_partition_delete_records": (c_int, (c_void_p, c_char_p, c_int32, c_int64)),
}


class Api(IntEnum):
    """Requests that can be made to fail."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12


def _library_path() -> Path | None:
    """The librdkafka that came with the wheel of confluent-kafka."""
    package = Path(confluent_kafka.__file__).parent
    for folder in (package.parent / "confluent_kafka.libs", package / ".dylibs"):
        for found in sorted(folder.glob("librdkafka*")):
            return found
    return None


@functools.cache
def _library() -> ctypes.CDLL:
    path = _library_path()
    if path is None:
        raise RuntimeError(available())
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


def available() -> str | None:
    """None when a mock cluster can be started here, else the line that would make it so."""
    if _library_path() is None:
        return "needs the wheel of confluent-kafka, which has librdkafka in it: pip install confluent-kafka"
    return None


def _check(code: int) -> None:
    if code:
        raise KafkaException(KafkaError(code))


class MockCluster:
    """A cluster of brokers numbered from 1, in threads of this process."""

    def __init__(self, brokers: int = 1) -> None:
        self._library = _library()
        reason = ctypes.create_string_buffer(ERROR_BYTES)
        settings = self._library.rd_kafka_conf_new()
        # it would warn on stderr that this client, which only carries the cluster, has no broker
        self._library.rd_kafka_conf_set(settings, b"log_level", b"3", reason, ERROR_BYTES)
        self._client = self._library.rd_kafka_new(PRODUCER, settings, reason, ERROR_BYTES)
        if not self._client:
            raise RuntimeError(reason.value.decode("utf-8", "replace"))
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, brokers)
        if not self._cluster:
            self._library.rd_kafka_destroy(self._client)
            raise RuntimeError("librdkafka could not start a mock cluster")
        # without a controller some questions would wait for one instead of being refused
        self._library.rd_kafka_mock_set_controller_id(self._cluster, 1)
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 100)
        self.bootstrap: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create_topic(self, name: str, partitions: int = 1) -> None:
        """Create a topic with one replica of each partition."""
        _check(self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1))

    def fail_next(self, api: Api, codes: Sequence[int]) -> None:
        """Answer the next requests of a kind with these error codes, one each."""
        array = (c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, api, len(codes), array)

    def broker_down(self, number: int = 1) -> None:
        """Close a broker's connections and refuse new ones."""
        _check(self._library.rd_kafka_mock_broker_set_down(self._cluster, number))

    def broker_up(self, number: int = 1) -> None:
        """Undo `broker_down`."""
        _check(self._library.rd_kafka_mock_broker_set_up(self._cluster, number))

    def round_trip(self, seconds: float, number: int = -1) -> None:
        """Make a broker, or all of them (-1), answer only after so long."""
        _check(self._library.rd_kafka_mock_broker_set_rtt(self._cluster, number, int(seconds * 1000)))

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Delete the records before an offset, as retention does."""
        _check(
            self._library.rd_kafka_mock_partition_delete_records(
                self._cluster, topic.encode(), partition, before
            )
        )

    def close(self) -> None:
        """End the cluster. Closing twice is fine."""
        cluster, self._cluster = self._cluster, None
        if cluster:
            self._library.rd_kafka_mock_cluster_destroy(cluster)
            self._library.rd_kafka_destroy(self._client)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
