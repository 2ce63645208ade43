"""What a copy to another system changed is found by diff, on real servers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage

if TYPE_CHECKING:
    from brokerkit.sandbox.kafka import KafkaServer
    from brokerkit.sandbox.nats import NatsServer

pytestmark = pytest.mark.broker


def test_a_copy_to_another_system_is_the_same_until_a_message_changes(
    kafka_server: KafkaServer, nats_server: NatsServer
) -> None:
    name = f"compared.{time.time_ns()}"
    with bk.connect(kafka_server.address) as kafka, bk.connect(nats_server.address) as nats:
        kafka.create_topic(name, partitions=3)
        nats.create_topic(name)
        kafka.publish_batch(
            name,
            [
                OutboundMessage(
                    b'{"id": %d, "n": 9007199254740993}' % n, b"k%d" % (n % 7), {"trace": f"t{n}"}
                )
                for n in range(2_000)
            ],
        )
        kafka.copy(name, nats, name, progress=False)
        same = bk.diff(
            kafka.scan(name, progress=False), nats.scan(name, progress=False), on="attributes.trace"
        )
        assert same.equal, same
        assert same.counts["same"] == 2_000
        nats.purge(name, where='"id": 17,', confirm=name)
        nats.publish(name, '{"id": 1999, "n": 9007199254740992}', key="k4", attributes={"trace": "t17"})
        found = bk.diff(
            kafka.scan(name, progress=False), nats.scan(name, progress=False), on="attributes.trace"
        )
        assert found.counts == {
            "same": 1_999,
            "changed": 1,
            "added": 0,
            "missing": 0,
            "moved": found.counts["moved"],
        }
        assert set(found["path"]) - {"key"} == {"value.id", "value.n"}
        kafka.delete_topic(name, confirm=name)
        nats.delete_topic(name, confirm=name)
