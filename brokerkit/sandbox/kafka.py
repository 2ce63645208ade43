"""A real Apache Kafka broker: one node in KRaft mode, from the jars of Maven Central.

::

    with KafkaServer() as server:
        ...  # server.bootstrap

It needs Java 17 and, for the one download of 43 MB, Maven.
"""

from __future__ import annotations

import shutil
import subprocess
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from . import cache
from .java import DEPENDENCY_PLUGIN, JAVA, class_archive, java_version
from .process import kept_ports
from .proxy import Proxy
from .server import Server

VERSION = "4.4.0"
CHECKSUMS = {
    "kafka_2.13-4.4.0.jar": "76d3314f873571677ff98620ab9a431e508e3687f921a3df4f70d692a970475e",
    "kafka-clients-4.4.0.jar": "1ab07317eb6633241392449d329dbdc5d9251e6ffc4926860f42dd966e88bdf9",
    "kafka-server-4.4.0.jar": "5f5456c2976203525080220212639f7033274b94458ceabf44197f4800bd615c",
    "kafka-server-common-4.4.0.jar": "e50931831a27a2f3eb6cf74e8d63cc325b4e98656f30e94f8829297951ca5080",
    "kafka-storage-4.4.0.jar": "9eaa4dafacc251080ece0efa8511283da5de6931e843457f6af87f02f9b50039",
    "kafka-raft-4.4.0.jar": "687f278ce5d82b7f53644643e21e1a7452530f202826108990f0fe4f3d334d4f",
    "kafka-metadata-4.4.0.jar": "6c52de74ecd670332e1e1324f5d40311275ac49b22699b6722e5fb07dd266fcb",
    "kafka-group-coordinator-4.4.0.jar": "3fc830ace54f6a13f9f536bc0564bf39a68797365a4c4b194bd7db4fb893b2bc",
    "kafka-share-coordinator-4.4.0.jar": "6969a7961ca98d37a039bbe0af0fe761d6b0dd07ca9666802f47821167afbb6e",
    "kafka-transaction-coordinator-4.4.0.jar": "1d5324d59776d6b7f324cfdc87647b1e88f9823332201c0324e7ae9f210d915d",  # noqa: E501
    "scala-library-2.13.18.jar": "4e85d96ff7bc7dc627985523c3541b9917aaa08e956391380c42db21a2c4e5a0",
}  # fmt: skip
POM = textwrap.dedent(f"""\
    <project xmlns="http://maven.apache.org/POM/4.0.0">
      <modelVersion>4.0.0</modelVersion>
      <groupId>brokerkit.sandbox</groupId>
      <artifactId>kafka-server</artifactId>
      <version>1</version>
      <packaging>pom</packaging>
      <dependencies>
        <dependency>
          <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
        </dependency>
        <dependency>
          <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
        </dependency>
      </dependencies>
    </project>
    """)
CLUSTER_ID = "brokerkit-sandbox-cluster"
START_SECONDS = 60.0


def _name() -> str:
    return f"kafka-{VERSION}"


def available() -> str | None:
    """Return None if a server can be started here, or else the line that makes it possible."""
    if (java_version() or 0) < JAVA:
        return f"needs Java {JAVA} or newer: apt-get install openjdk-{JAVA}-jre-headless"
    if not (cache.folder() / _name()).is_dir() and shutil.which("mvn") is None:
        return f"needs Maven for the download of Kafka {VERSION}: apt-get install maven"
    return None


def _download(where: Path) -> None:
    (where / "pom.xml").write_text(POM, "utf-8")
    done = subprocess.run(
        ["mvn", "--batch-mode", "-q", f"{DEPENDENCY_PLUGIN}:copy-dependencies", "-DoutputDirectory=libs"],
        cwd=where,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        said = done.stdout[-3000:] + done.stderr[-1000:]
        raise cache.ProvisionError(f"Maven could not download Kafka:\n{said}")
    cache.verify(where / "libs", CHECKSUMS)


def provision() -> Path:
    """Return the folder with Kafka's jars, downloaded if it does not exist."""
    return cache.provision(_name(), _download) / "libs"


class KafkaServer(Server):
    """A broker on free loopback ports, ready when the constructor returns.

    `bootstrap` accepts any client. `sasl_bootstrap` accepts SASL with `user` and `password`, and
    `sasl_tls_bootstrap` the same over TLS. `tls_bootstrap` accepts clients with a certificate. `proxy()`
    stands before a listener of its own, which tells clients the port of the proxy.

    Args:
        data: A folder to keep topics in. Without one they are deleted with the server.
        rebalance_delay: Seconds that a new group waits for more members (Kafka's default is 3). Groups of the
            new protocol and share groups wait as long, at most their default of 1.
        settings: Further broker properties.
        features: Levels of features other than the release's own.
        quick_start: Whether to start with a third less work, but with code that is not optimised; use
            False for measurements.
        keystore: A PEM file with the broker's key and certificate, for the two listeners with TLS.
        truststore: A PEM file with the authority of its clients, for the two listeners with TLS.
        record: Where to write the archive of its classes on a normal end, instead of using it.
    """

    name = f"Kafka {VERSION}"
    about = "the real server, one node in KRaft mode"
    user = "alice"
    password = "alice-and-the-9-secrets"
    others: Mapping[str, str] = {}
    """Further users with their passwords."""

    def __init__(
        self,
        *,
        data: Path | None = None,
        rebalance_delay: float = 0.0,
        settings: dict[str, str] | None = None,
        features: dict[str, int] | None = None,
        quick_start: bool = True,
        keystore: Path | None = None,
        truststore: Path | None = None,
        record: Path | None = None,
    ) -> None:
        self._record = record
        self._quick_start = quick_start
        self._features = features or {}
        self._libs = provision()
        self._archive = None if record is not None else class_archive(_name(), _recording)
        super().__init__(data)
        plain, sasl, sasl_tls, tls, controller, self._proxied, self._proxy = kept_ports(self.folder, 7)
        self.bootstrap = f"127.0.0.1:{plain}"
        self.sasl_bootstrap = f"127.0.0.1:{sasl}"
        self.sasl_tls_bootstrap = f"127.0.0.1:{sasl_tls}"
        self.tls_bootstrap = f"127.0.0.1:{tls}"
        listeners = f"PLAINTEXT://{self.bootstrap},SASL_PLAINTEXT://{self.sasl_bootstrap}"
        if keystore is not None:
            listeners += f",SASL_SSL://{self.sasl_tls_bootstrap},SSL://{self.tls_bootstrap}"
        advertised = f"{listeners},PROXIED://127.0.0.1:{self._proxy}"
        listeners += f",PROXIED://127.0.0.1:{self._proxied}"
        users = "".join(
            f' user_{name}="{password}"'
            for name, password in {self.user: self.password, **self.others}.items()
        )
        login = f"org.apache.kafka.common.security.plain.PlainLoginModule required{users};"
        # groups of the new protocol wait so long between two assignments
        assignment = str(min(1000, int(rebalance_delay * 1000)))
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": advertised,
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,"
            "SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": login,
            "listener.name.sasl_ssl.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": login,
            "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": "org.apache.kafka.common.security."
            "scram.ScramLoginModule required;",
            "log.dirs": str(self.folder / "data"),
            "num.partitions": "1",
            "offsets.topic.num.partitions": "5",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "5",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.num.partitions": "5",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": str(int(rebalance_delay * 1000)),
            "group.min.session.timeout.ms": "1000",
            "group.share.min.heartbeat.interval.ms": "300",
            "group.share.heartbeat.interval.ms": "300",
            "group.share.delivery.count.limit": "10",
            "group.share.min.assignment.interval.ms": "0",
            "group.share.assignment.interval.ms": assignment,
            "group.consumer.min.assignment.interval.ms": "0",
            "group.consumer.assignment.interval.ms": assignment,
            "group.share.min.record.lock.duration.ms": "1000",
            # after a crash, a broker is admitted again only when this time is over
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "300",
            "auto.create.topics.enable": "false",
            "log.cleaner.backoff.ms": "200",
            "log.retention.check.interval.ms": "500",
            "log.initial.task.delay.ms": "500",
            **_tls(keystore, truststore),
            **(settings or {}),
        }
        lines = [f"{name}={value}" for name, value in properties.items()]
        self._properties = self.folder / "server.properties"
        self._properties.write_text("\n".join(lines) + "\n", "utf-8")
        self.begin()

    def proxy(self) -> Proxy:
        return Proxy(self._proxied, port=self._proxy)

    @property
    def address(self) -> str:
        return f"kafka://{self.bootstrap}"

    def _java(self, *arguments: str) -> list[str]:
        options = ["-Xmx768m", "-XX:+UseSerialGC"]
        if self._quick_start:
            options.append("-XX:TieredStopAtLevel=1")
        if self._archive is not None:
            options.append(f"-XX:SharedArchiveFile={self._archive}")
        return ["java", *options, "-cp", f"{self._libs}/*", *arguments]

    def _format(self) -> None:
        tool = self._java("kafka.tools.StorageTool", "format")
        levels = [f"--feature={name}={level}" for name, level in self._features.items()]
        subprocess.run(
            [*tool, "-t", CLUSTER_ID, "-c", str(self._properties), *levels],
            check=True,
            capture_output=True,
            timeout=START_SECONDS,
        )

    def start(self) -> None:
        if not (self.folder / "data").exists():
            self._format()
        recording = [] if self._record is None else [f"-XX:ArchiveClassesAtExit={self._record}"]
        command = self._java(*recording, "kafka.Kafka", str(self._properties))
        self.run(command, self._ready, timeout=START_SECONDS)

    def _ready(self) -> bool:
        try:
            settings: dict[str, Any] = {"bootstrap.servers": self.bootstrap, "logger": _silent}
            admin = AdminClient(settings)
            return bool(admin.list_topics(timeout=0.5).brokers)
        except KafkaException:
            return False


def _recording(archive: Path) -> KafkaServer:
    return KafkaServer(record=archive)


def _tls(keystore: Path | None, truststore: Path | None) -> dict[str, str]:
    if keystore is None:
        return {}
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(truststore),
        "listener.name.ssl.ssl.client.auth": "required",
    }


class _Silent:
    """A logger for probing a server that may not be running yet."""

    def log(self, *_: object) -> None:
        return


_silent = _Silent()
