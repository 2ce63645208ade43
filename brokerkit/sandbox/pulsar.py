"""A real Apache Pulsar standalone: broker and bookie in one process, from the official distribution.

::

    with PulsarServer() as server:
        ...  # server.url, server.admin

It needs Java 17 with its compiler and, for the one download of 245 MB, Maven.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import httpx

from . import cache, java
from .java import JAVA, class_archive, java_version
from .process import kept_ports
from .proxy import Proxy
from .server import Server

VERSION = "4.0.8"
ARTIFACT = f"org.apache.pulsar:pulsar-server-distribution:{VERSION}:tar.gz:bin"
SHA512 = (
    "65b769b10696cdfebf7fc5bcdc95dd663702e27051e616c1a13cb100e9127952"
    "5be35352171befe7b0011176330aab29bd0a6c8a0f2f0646641af46d2e33cbd6"
)
BOOT = Path(__file__).with_name("pulsar_boot") / "Boot.java"
START_SECONDS = 120.0
SETTINGS: Mapping[str, str] = {
    "bindAddress": "127.0.0.1",
    # the bookie listens on the loopback interface only, on the given port
    "listeningInterface": "lo",
    "allowEphemeralPorts": "true",
    # limits for a small machine
    "numIOThreads": "2",
    "numHttpServerThreads": "8",
    "numOrderedExecutorThreads": "2",
    "topicOrderedExecutorThreadNum": "2",
    "numCacheExecutorThreadPoolSize": "2",
    "numWorkerThreadsForNonPersistentTopic": "1",
    "managedLedgerNumSchedulerThreads": "2",
    "bookkeeperClientNumWorkerThreads": "2",
    "bookkeeperClientNumIoThreads": "2",
    "bookkeeperNumberOfChannelsPerBookie": "2",
    "managedLedgerCacheSizeMB": "16",
    "dbStorage_writeCacheMaxSizeMb": "16",
    "dbStorage_readAheadCacheMaxSizeMb": "16",
    "dbStorage_rocksDB_blockCacheSize": "8388608",
    "journalMaxSizeMB": "64",
    # write the positions of subscriptions at once
    "managedLedgerDefaultMarkDeleteRateLimit": "0",
    # without retention, a restart removes what all subscriptions have acknowledged
    "defaultRetentionTimeInMinutes": "60",
    "defaultRetentionSizeInMB": "512",
    "webSocketServiceEnabled": "false",
    "brokerShutdownTimeoutMs": "5000",
    "brokerDeleteInactiveTopicsEnabled": "false",
    # the first consumer of a failover subscription need not wait for others
    "activeConsumerFailoverDelayTimeMillis": "0",
    "acknowledgmentAtBatchIndexLevelEnabled": "true",
    "transactionCoordinatorEnabled": "false",
    # bytes that the kernel holds survive the end of the process
    "journalSyncData": "false",
}
JAVA_OPTIONS = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:MaxDirectMemorySize=512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+PerfDisableSharedMem",
    "-Djava.net.preferIPv4Stack=true",
    "-Djute.maxbuffer=10485760",
    *(
        option
        for package in (
            "java.base/java.io",
            "java.base/java.util.zip",
            "java.base/java.nio",
            "java.base/jdk.internal.misc",
            "java.base/jdk.internal.platform",
            "java.management/sun.management",
            "jdk.management/com.sun.management.internal",
            "java.base/java.lang",
            "java.base/sun.net",
        )
        for option in ("--add-opens", f"{package}=ALL-UNNAMED")
    ),
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dio.netty.allocator.numDirectArenas=2",
    "-Dpulsar.allocator.exit_on_oom=true",
    "-Dio.netty.recycler.maxCapacityPerThread=4096",
    "-Dlog4j2.is.webapp=false",
    "-Dlog4j.shutdownHookEnabled=false",
    "-Dbookkeeper.metadata.bookie.drivers=org.apache.pulsar.metadata.bookkeeper.PulsarMetadataBookieDriver",
    "-Dbookkeeper.metadata.client.drivers=org.apache.pulsar.metadata.bookkeeper.PulsarMetadataClientDriver",
)
LOGGING = """\
status=error
appender.c.type=Console
appender.c.name=C
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d{HH:mm:ss.SSS} [%t] %-5level %logger{36} - %msg%n
rootLogger.level=warn
rootLogger.appenderRef.c.ref=C
"""


def _name() -> str:
    return f"pulsar-{VERSION}-boot-{hashlib.sha256(BOOT.read_bytes()).hexdigest()[:12]}"


def available() -> str | None:
    """Return None if a server can be started here, or else the line that makes it possible."""
    if (java_version() or 0) < JAVA:
        return f"needs Java {JAVA} or newer: apt-get install openjdk-{JAVA}-jdk-headless"
    if not (cache.folder() / _name()).is_dir():
        if shutil.which("javac") is None:
            return f"needs a Java compiler: apt-get install openjdk-{JAVA}-jdk-headless"
        if shutil.which("mvn") is None:
            return f"needs Maven for the download of Pulsar {VERSION}: apt-get install maven"
    return None


def _download(where: Path) -> None:
    java.unpack(ARTIFACT, SHA512, where, where)
    (where / f"apache-pulsar-{VERSION}").rename(where / "home")
    boot = where / "boot"
    subprocess.run(
        ["javac", "-nowarn", "-cp", f"{where / 'home' / 'lib'}/*", "-d", str(boot), str(BOOT)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with zipfile.ZipFile(where / "boot.jar", "w") as jar:
        for each in boot.iterdir():
            jar.write(each, each.name)
    shutil.rmtree(boot)


def provision() -> Path:
    """Return the folder of the distribution (`home`) and the start class (`boot.jar`), filled if missing."""
    return cache.provision(_name(), _download)


class PulsarServer(Server):
    """A standalone server on free loopback ports, ready when the constructor returns.

    `url` is the address of the broker, `admin` that of its REST endpoint. `proxy()` stands before a
    listener of its own, which tells clients the port of the proxy.

    Args:
        data: A folder to keep topics in. Without one they are deleted with the server.
        settings: Further broker properties.
        token: The token of a superuser, if the settings require one.
        record: Where to write the archive of its classes on a normal end, instead of using it.
    """

    name = f"Pulsar {VERSION}"
    about = "the real server, a standalone broker with its bookie"

    def __init__(
        self,
        *,
        data: Path | None = None,
        settings: Mapping[str, str] | None = None,
        token: str | None = None,
        record: Path | None = None,
    ) -> None:
        self._files = provision()
        self._sharing = (
            f"-XX:SharedArchiveFile={class_archive(_name(), _recording)}"
            if record is None
            else f"-XX:ArchiveClassesAtExit={record}"
        )
        super().__init__(data)
        # the port identifies the bookie for as long as its data lives
        broker, web, self._bookie, self._proxied, self._proxy = kept_ports(self.folder, 5)
        self.url = f"pulsar://127.0.0.1:{broker}"
        self.admin = f"http://127.0.0.1:{web}"
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        properties = {
            **SETTINGS,
            "brokerServicePort": str(broker),
            "webServicePort": str(web),
            "internalListenerName": "internal",
            "advertisedListeners": f"internal:{self.url},proxied:pulsar://127.0.0.1:{self._proxy}",
            # clients that connect to this port are told the port of the proxy
            "bindAddresses": f"proxied:pulsar://127.0.0.1:{self._proxied}",
            **(settings or {}),
        }
        # the last value of a repeated property counts
        shipped = (self._files / "home" / "conf" / "standalone.conf").read_text("utf-8")
        lines = [f"{name}={value}" for name, value in properties.items()]
        (self.folder / "standalone.conf").write_text("\n".join([shipped, *lines, ""]), "utf-8")
        (self.folder / "log4j2.properties").write_text(LOGGING, "utf-8")
        (self.folder / "tmp").mkdir(exist_ok=True)
        self.begin()

    def proxy(self) -> Proxy:
        return Proxy(self._proxied, port=self._proxy)

    @property
    def address(self) -> str:
        return f"{self.url}?admin={self.admin}"

    def start(self) -> None:
        folder, metadata = self.folder, self.folder / "metadata"
        command = [
            "java",
            *JAVA_OPTIONS,
            self._sharing,
            f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
            f"-Dpulsar.log.dir={folder}",
            f"-Djava.io.tmpdir={folder / 'tmp'}",
            "-cp",
            f"{self._files / 'boot.jar'}:{self._files / 'home' / 'lib'}/*",
            "Boot",
            str(metadata),
            *("-c", str(folder / "standalone.conf"), "-nfw", "-nss"),
            *("--metadata-dir", str(metadata), "--bookkeeper-dir", str(folder / "bookkeeper")),
            *("--bookkeeper-port", str(self._bookie), "--num-bookies", "1"),
        ]
        self.run(command, self._ready, timeout=START_SECONDS)

    def _ready(self) -> bool:
        # the server is healthy before its default namespace exists
        return all(
            self._answers(path)
            for path in ("/admin/v2/brokers/health", "/admin/v2/namespaces/public/default")
        )

    def _answers(self, path: str) -> bool:
        try:
            # without TLS there is no certificate to check, and loading the authorities takes long
            answer = httpx.get(
                self.admin + path, headers=self._headers, timeout=5.0, trust_env=False, verify=False
            )
        except httpx.TransportError:
            return False
        return answer.status_code == 200


def _recording(archive: Path) -> PulsarServer:
    return PulsarServer(record=archive)
