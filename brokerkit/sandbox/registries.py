"""Two schema registries, both with their data in memory only.

::

    with SchemaRegistryServer() as server:
        ...  # server.address, for brokerkit.connect("...", registry=server.address)

`SchemaRegistryServer` is the registry of a Go client's tests, built once with Go: it starts at once and finds
every schema compatible. `ApicurioServer` is the real Apicurio Registry; it needs Java 17 and, for the one
download of 142 MB, Maven.
"""

from __future__ import annotations

import base64
import http.client
import os
import shutil
import socket
from abc import abstractmethod
from pathlib import Path

from . import cache, java
from .golang import GoProgram
from .java import JAVA, class_archive, java_version
from .process import free_ports
from .proxy import Proxy
from .server import Server

SRFAKE = GoProgram("srfake")
APICURIO = "2.6.13.Final"
ARTIFACT = f"io.apicurio:apicurio-registry-app:{APICURIO}:tar.gz:all"
SHA512 = (
    "11d36e7340ed8d6218755a66d3ff38fe6e9c9bd9c723eae9da131d0e1811d4d1"
    "205fd2c3da4ec052f1a1933e07d96a072ad2c620ab0854db75ef3cb5b62ee40f"
)
START_SECONDS = 90.0
JAVA_OPTIONS = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class RegistryServer(Server):
    """A registry on a free loopback port, answering when the constructor returns. A restart empties it."""

    path = ""

    def __init__(self) -> None:
        super().__init__()
        self.port = free_ports(1)[0]
        self.begin()

    @property
    def scheme(self) -> str:
        """``http``, or ``https`` if it speaks TLS."""
        return "http"

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{self.path}"

    def address_of(self, proxy: Proxy) -> str:
        """Return the address behind a proxy."""
        return f"{self.scheme}://127.0.0.1:{proxy.port}{self.path}"

    def proxy(self) -> Proxy:
        return Proxy(self.port)

    @abstractmethod
    def start(self) -> None:
        """Start the server. Its former data is lost."""


def schema_registry_available() -> str | None:
    """Return None if the registry can be started here, or else the line that makes it possible."""
    return SRFAKE.available()


class SchemaRegistryServer(RegistryServer):
    """The in-memory registry of franz-go, which finds every schema compatible.

    Args:
        user, password: What clients must give, if set.
        token: The bearer token that clients must give instead, if set.
        certificate: A PEM file with its certificate and key, for TLS.
        authority: A PEM file with the authority of the clients that TLS accepts.
    """

    name = "schema-registry"
    about = "the test server of franz-go, with its data in memory"

    def __init__(
        self,
        *,
        user: str | None = None,
        password: str = "",
        token: str | None = None,
        certificate: Path | None = None,
        authority: Path | None = None,
    ) -> None:
        self._expected = "" if token is None else f"Bearer {token}"
        if user is not None:
            self._expected = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        self._certificate = certificate
        self._authority = authority
        super().__init__()

    @property
    def scheme(self) -> str:
        return "http" if self._certificate is None else "https"

    def start(self) -> None:
        """Start the server. Its former data is lost."""
        files = {"-certificate": self._certificate, "-authority": self._authority}
        options = [text for name, file in files.items() if file for text in (name, str(file))]
        self.run(
            [str(SRFAKE.provision()), "-port", str(self.port), *options],
            self._listens,
            timeout=START_SECONDS,
            environment={**os.environ, "SRFAKE_AUTHORIZATION": self._expected},
        )

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1.0).close()
        except OSError:
            return False
        return True


def apicurio_available() -> str | None:
    """Return None if Apicurio can be started here, or else the line that makes it possible."""
    if (java_version() or 0) < JAVA:
        return f"needs Java {JAVA} or newer: apt-get install openjdk-{JAVA}-jre-headless"
    if not (cache.folder() / _name()).is_dir() and shutil.which("mvn") is None:
        return f"needs Maven for the download of Apicurio {APICURIO}: apt-get install maven"
    return None


def _name() -> str:
    return f"apicurio-{APICURIO}"


def _download(where: Path) -> None:
    java.unpack(ARTIFACT, SHA512, where, where / "home")


def provision_apicurio() -> Path:
    """Return the folder of the distribution, downloaded if it does not exist."""
    return cache.provision(_name(), _download) / "home"


class ApicurioServer(RegistryServer):
    """The real Apicurio Registry.

    Args:
        record: Where to write the archive of its classes on a normal end, instead of using it.
    """

    name = f"Apicurio {APICURIO}"
    about = "the real registry, with its data in memory"
    path = "/apis/ccompat/v7"

    def __init__(self, *, record: Path | None = None) -> None:
        self._home = provision_apicurio()
        self._sharing = (
            f"-XX:SharedArchiveFile={class_archive(_name(), _recording)}"
            if record is None
            else f"-XX:ArchiveClassesAtExit={record}"
        )
        super().__init__()

    def start(self) -> None:
        """Start the server. Its former data is lost."""
        (program,) = self._home.glob("*-runner.jar")
        command = [
            "java",
            *JAVA_OPTIONS,
            self._sharing,
            "-Dquarkus.http.host=127.0.0.1",
            f"-Dquarkus.http.port={self.port}",
            "-Dquarkus.profile=prod",
            "-jar",
            str(program),
        ]
        self.run(command, self._answers, timeout=START_SECONDS)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2.0)
        try:
            connection.request("GET", f"{self.path}/subjects")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _recording(archive: Path) -> ApicurioServer:
    return ApicurioServer(record=archive)
