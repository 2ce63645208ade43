"""Three Kafka brokers that keep each topic together; each is a controller too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.process import kept_ports
from brokerkit.testing import eventually

SIZE = 3
READY_SECONDS = 60.0
PORTS = 7
CONTROLLER = 4
"""Which of a server's ports is the controller's."""


class KafkaCluster:
    """Brokers that all take part when the constructor returns. A killed one keeps its data."""

    def __init__(self, folder: Path) -> None:
        names = [str(number) for number in range(1, SIZE + 1)]
        for name in names:
            (folder / name).mkdir()
        voters = {name: kept_ports(folder / name, PORTS)[CONTROLLER] for name in names}
        self._settings = {
            "controller.quorum.voters": ",".join(f"{name}@127.0.0.1:{port}" for name, port in voters.items()),
            "default.replication.factor": str(SIZE),
            "min.insync.replicas": "2",
            "offsets.topic.replication.factor": str(SIZE),
            "transaction.state.log.replication.factor": str(SIZE),
            "transaction.state.log.min.isr": "2",
            "broker.session.timeout.ms": "4000",
        }
        # a server ends with the thread that started it, and these threads stay
        self._threads = ThreadPoolExecutor(SIZE)
        self.servers: dict[str, KafkaServer] = {}
        try:
            starting = {name: self._threads.submit(self._start, folder, name) for name in names}
            for name, each in starting.items():
                self.servers[name] = each.result(2 * READY_SECONDS)
            self.mend()
        except BaseException:
            self.close()
            raise

    def _start(self, folder: Path, name: str) -> KafkaServer:
        return KafkaServer(data=folder / name, settings={**self._settings, "node.id": name})

    @property
    def url(self) -> str:
        """The address with all brokers."""
        return "kafka://" + ",".join(server.bootstrap for server in self.servers.values())

    def options(self) -> dict[str, Any]:
        return {"partitions": 3, "replication_factor": SIZE}

    def urls(self, leader: str) -> dict[str, str]:
        """The address of the leader alone, and of another broker alone."""
        other = next(name for name in self.servers if name != leader)
        return {"the leader": self.servers[leader].address, "another": self.servers[other].address}

    def _admin(self) -> AdminClient:
        hosts = ",".join(server.bootstrap for server in self.servers.values() if server.running)
        return AdminClient({"bootstrap.servers": hosts, "log_level": 0})

    def leader(self, topic: str) -> str:
        """The broker that leads the first partition of a topic."""
        admin = self._admin()

        def known() -> list[int]:
            """The leader, once the broker that is asked has heard of it."""
            partitions = admin.list_topics(topic, timeout=READY_SECONDS).topics[topic].partitions
            return [partitions[0].leader] if 0 in partitions and partitions[0].leader >= 0 else []

        (leader,) = eventually(known, f"{topic} has a leader", within=READY_SECONDS)
        return str(leader)

    def kill(self, server: str) -> None:
        self.servers[server].kill()

    def _whole(self) -> bool:
        """Whether every broker takes part in every partition that it has."""
        try:
            found = self._admin().list_topics(timeout=5)
        except KafkaException:
            return False
        partitions = [each for topic in found.topics.values() for each in topic.partitions.values()]
        return len(found.brokers) == SIZE and all(
            len(each.isrs) == len(each.replicas) and each.leader >= 0 for each in partitions
        )

    def mend(self) -> None:
        """Start the brokers that do not run, and wait until all take part."""
        stopped = [server for server in self.servers.values() if not server.running]
        for each in [self._threads.submit(server.restart) for server in stopped]:
            each.result(2 * READY_SECONDS)
        eventually(self._whole, "all brokers take part", within=READY_SECONDS)

    def close(self) -> None:
        for server in self.servers.values():
            server.kill()
            server.close()
        self._threads.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
