"""Two servers that speak Pub/Sub, both with their data in memory only.

::

    with EmulatorServer() as server:
        ...  # server.host

`EmulatorServer` is Google's emulator, a part of Google's command line (`gcloud`), and needs Java.
`PstestServer` is the test server of Google's Go client, built once with Go. The conformance harness
declares where they differ from the service and from each other.
"""

from __future__ import annotations

import shutil
from abc import abstractmethod
from pathlib import Path

import grpc

from .golang import GoProgram
from .process import free_ports
from .proxy import Proxy
from .server import Server

PSTEST = GoProgram("pstest")
START_SECONDS = 40.0


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


def pstest_available() -> str | None:
    """Return None if `pstest` can be started here, or else the line that makes it possible."""
    return PSTEST.available()


class PstestServer(PubSubServer):
    """The in-memory server of Google's Go client."""

    name = "pstest"
    about = "the test server of Google's Go client, with its data in memory"

    def _command(self) -> list[str]:
        return [str(PSTEST.provision()), "-port", str(self.port)]
