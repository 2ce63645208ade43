"""Two servers that speak Pub/Sub, both with their data in memory only.

::

    with EmulatorServer() as server:
        ...  # server.host

`EmulatorServer` is Google's emulator, a part of Google's command line (`gcloud`), and needs Java.
`PstestServer` is the test server of Google's Go client, built once with Go. The conformance harness
declares where they differ from the service and from each other.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
from abc import abstractmethod
from pathlib import Path

import grpc

from . import cache
from .process import free_ports
from .proxy import Proxy
from .server import Server

MODULE = Path(__file__).parent / "pstest"
SOURCES = ("go.mod", "go.sum", "main.go")
GO = "1.26"
START_SECONDS = 40.0
BUILD_SECONDS = 600


class PubSubServer(Server):
    """A server on a free loopback port, answering when the constructor returns."""

    def __init__(self) -> None:
        super().__init__()
        self.port = free_ports(1)[0]
        self.begin()

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the command that starts the server on `port`."""

    @property
    def address(self) -> str:
        return f"pubsub://sandbox?emulator={self.host}"

    @property
    def host(self) -> str:
        """The host and port."""
        return f"127.0.0.1:{self.port}"

    def proxy(self) -> Proxy:
        return Proxy(self.port)

    def start(self) -> None:
        """Start the server. Its former data is lost."""
        self.run(self._command(), self._answers, timeout=START_SECONDS)

    def _answers(self) -> bool:
        """Return whether the server speaks gRPC by now."""
        channel = grpc.insecure_channel(self.host, options=[("grpc.use_local_subchannel_pool", 1)])
        try:
            grpc.channel_ready_future(channel).result(timeout=0.5)
        except grpc.FutureTimeoutError:
            return False
        finally:
            channel.close()
        return True


def emulator_binary() -> Path | None:
    """Return the path of the emulator beside the `gcloud` on the PATH, or None."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    root = Path(gcloud).resolve().parent.parent
    found = root / "platform" / "pubsub-emulator" / "bin" / "cloud-pubsub-emulator"
    return found if found.is_file() else None


def emulator_available() -> str | None:
    """Return None if the emulator can be started here, or else the line that makes it possible."""
    if emulator_binary() is None:
        return "needs Google's emulator: gcloud components install pubsub-emulator"
    if shutil.which("java") is None:
        return "the Pub/Sub emulator needs Java: apt-get install openjdk-17-jre-headless"
    return None


class EmulatorServer(PubSubServer):
    """Google's Pub/Sub emulator."""

    name = "pubsub-emulator"
    about = "Google's emulator, with its data in memory"

    def _command(self) -> list[str]:
        binary = emulator_binary()
        assert binary is not None, emulator_available()
        return [str(binary), "--host=127.0.0.1", f"--port={self.port}"]


@functools.cache
def pstest_folder() -> str:
    """Return the name of its folder in the cache, which changes with its sources."""
    digest = hashlib.sha256(b"".join((MODULE / each).read_bytes() for each in SOURCES))
    return f"pstest-{digest.hexdigest()[:12]}"


def pstest_available() -> str | None:
    """Return None if `pstest` can be started here, or else the line that makes it possible."""
    if not (cache.folder() / pstest_folder()).is_dir() and shutil.which("go") is None:
        return f"needs Go {GO} or newer to build Google's test server: see https://go.dev/dl"
    return None


def _build(where: Path) -> None:
    for each in SOURCES:
        shutil.copyfile(MODULE / each, where / each)
    done = subprocess.run(
        ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", "pstest", "."],
        cwd=where,
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        raise cache.ProvisionError(f"Go could not build pstest:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")


def provision_pstest() -> Path:
    """Return the program, downloaded and built if it does not exist. go.sum pins what is downloaded."""
    return cache.provision(pstest_folder(), _build) / "pstest"


class PstestServer(PubSubServer):
    """The in-memory server of Google's Go client."""

    name = "pstest"
    about = "the test server of Google's Go client, with its data in memory"

    def _command(self) -> list[str]:
        return [str(provision_pstest()), "-port", str(self.port)]
