"""A topic read whole by each library, in the fastest way that its documentation shows.

A way is made by a function that imports the library; the way takes servers, topic and the number of rows, and
returns how many it has in memory.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any

Way = Callable[[str, str, int], int]
POLL = 10_000
DEADLINE = 600.0
"""How many seconds a library may take until all rows are there."""


def confluent() -> Way:
    import pandas as pd
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    def read(servers: str, topic: str, rows: int) -> int:
        consumer = Consumer({"bootstrap.servers": servers, "group.id": _group(), "enable.auto.commit": False})
        partitions = consumer.list_topics(topic).topics[topic].partitions
        consumer.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in partitions])
        found: list[dict[str, Any]] = []
        while len(found) < rows:
            found += [
                {
                    "partition": each.partition(),
                    "offset": each.offset(),
                    "key": each.key(),
                    "value": each.value(),
                    "headers": each.headers(),
                    "time": each.timestamp()[1],
                }
                for each in consumer.consume(min(500, rows - len(found)), 1.0)
            ]
        consumer.close()
        return len(pd.DataFrame(found))

    return read


def kafkarrow() -> Way:
    import pyarrow as pa
    from kafkarrow import ConsumerManager, SourceTopic

    def read(servers: str, topic: str, rows: int) -> int:
        manager = ConsumerManager(
            config={"bootstrap.servers": servers, "group.id": _group()},
            topics=[SourceTopic.from_earliest(topic)],
        )
        batches, seen, deadline = [], 0, time.monotonic() + DEADLINE
        while seen < rows and time.monotonic() < deadline:
            batch = manager.poll(timeout_ms=1000)
            batches.append(batch)
            seen += batch.num_rows
        return int(pa.Table.from_batches(batches).num_rows)

    return read


def aiokafka() -> Way:
    import pandas as pd
    from aiokafka import AIOKafkaConsumer

    async def read(servers: str, topic: str, rows: int) -> int:
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest")
        await consumer.start()
        try:
            found: list[Any] = []
            while len(found) < rows:
                for records in (await consumer.getmany(timeout_ms=1000, max_records=POLL)).values():
                    found += records
        finally:
            await consumer.stop()
        return len(pd.DataFrame(_columns(found)))

    return lambda servers, topic, rows: asyncio.run(read(servers, topic, rows))


def kafka_python() -> Way:
    import pandas as pd
    from kafka import KafkaConsumer, TopicPartition

    def read(servers: str, topic: str, rows: int) -> int:
        consumer = KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
        consumer.assign([TopicPartition(topic, each) for each in consumer.partitions_for_topic(topic)])
        consumer.seek_to_beginning()
        found: list[Any] = []
        while len(found) < rows:
            for records in consumer.poll(timeout_ms=1000, max_records=POLL).values():
                found += records
        consumer.close()
        return len(pd.DataFrame(_columns(found)))

    return read


def _columns(records: list[Any]) -> dict[str, list[Any]]:
    names = ("partition", "offset", "key", "value", "headers", "timestamp")
    return {name: [getattr(each, name) for each in records] for name in names}


def quixstreams() -> Way:
    from quixstreams import Application

    def read(servers: str, topic: str, rows: int) -> int:
        app = Application(
            broker_address=servers, consumer_group=_group(), auto_offset_reset="earliest", loglevel=None,
            auto_create_topics=False,
        )  # fmt: skip
        frame = app.dataframe(app.topic(topic, value_deserializer="bytes", key_deserializer="bytes"))
        found: list[Any] = []
        frame.update(found.append)
        app.run(count=rows)
        return len(found)

    return read


def faststream() -> Way:
    from faststream import FastStream
    from faststream.kafka import KafkaBroker

    async def read(servers: str, topic: str, rows: int) -> int:
        broker = KafkaBroker(servers, logger=None)
        app = FastStream(broker, logger=None)
        found: list[bytes] = []

        @broker.subscriber(
            topic, group_id=_group(), batch=True, max_records=POLL, auto_offset_reset="earliest",
            decoder=lambda message: message.body,
        )  # fmt: skip
        async def take(messages: list[Any]) -> None:
            found.extend(messages)
            if len(found) >= rows:
                app.exit()

        await app.run()
        return len(found)

    return lambda servers, topic, rows: asyncio.run(read(servers, topic, rows))


def streamz() -> Way:
    from streamz import Stream

    def read(servers: str, topic: str, rows: int) -> int:
        source = Stream.from_kafka_batched(
            topic,
            {"bootstrap.servers": servers, "group.id": _group(), "auto.offset.reset": "earliest"},
            poll_interval="10ms",
            max_batch_size=POLL,
        )
        found: list[bytes] = []
        source.sink(found.extend)
        source.start()
        deadline = time.monotonic() + DEADLINE
        while len(found) < rows and time.monotonic() < deadline:
            time.sleep(0.01)
        source.stop()
        return len(found)

    return read


def ray() -> Way:
    import confluent_kafka  # noqa: F401  # what its source needs
    import pyarrow as pa
    import ray

    def read(servers: str, topic: str, rows: int) -> int:
        found = ray.data.read_kafka(topic, bootstrap_servers=servers)
        return int(pa.concat_tables(ray.get(found.to_arrow_refs())).num_rows)

    # the engine starts here, and is not measured
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    ray.data.DataContext.get_current().enable_progress_bars = False
    return read


def daft() -> Way:
    import confluent_kafka  # noqa: F401  # what its source needs
    import daft

    def read(servers: str, topic: str, rows: int) -> int:
        # each partition ends with a wait of this length, which is 10 s by default
        return int(daft.read_kafka(servers, topic, timeout_ms=1000).to_arrow().num_rows)

    return read


def tributary() -> Way:
    import duckdb

    connection = duckdb.connect()
    connection.execute("install tributary from community")
    connection.execute("load tributary")

    def read(servers: str, topic: str, rows: int) -> int:
        query = f"select * from tributary_scan_topic('{topic}', \"bootstrap.servers\" := '{servers}')"
        return int(connection.sql(query).arrow().num_rows)

    return read


def _group() -> str:
    return f"benchmark-{uuid.uuid4().hex[:8]}"


WAYS: dict[str, Callable[[], Way]] = {
    "confluent": confluent,
    "kafkarrow": kafkarrow,
    "aiokafka": aiokafka,
    "kafka-python": kafka_python,
    "quixstreams": quixstreams,
    "faststream": faststream,
    "streamz": streamz,
    "ray": ray,
    "daft": daft,
    "tributary": tributary,
}
