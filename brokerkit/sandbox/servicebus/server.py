"""The emulator as a server: a process of its own on a free port.

::

    with ServiceBusServer() as server:
        ...  # server.connection_string

Its messages are on the disk, so that it can be killed and started again. It needs a C compiler, once.
"""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from random import randint
from typing import Protocol

from ..process import kept_ports
from ..proxy import Proxy
from ..server import Server
from .provision import available, provision

__all__ = ["ServiceBusServer", "available", "provision"]

ROOT = Path(__file__).parents[3]
START = """\
import sys
# behind the environment's own packages: beside this one there may be others, for another Python
sys.path.append(sys.argv.pop(1))
from brokerkit.sandbox.servicebus.emulator import main
main()
"""
KEY = "an-emulated-key-for-trials-only-123456789abc="
START_SECONDS = 30.0


class Authority(Protocol):
    """An authority that signs the certificate of a server with TLS."""

    def sign(self, name: str, *, hosts: tuple[str, ...] = ()) -> tuple[Path, Path]:
        """Return the files of a certificate and its private key."""
        ...


class ServiceBusServer(Server):
    """A namespace on a free loopback port, answering when the constructor returns.

    Args:
        port: A port to use instead of a free one.
        data: A folder to keep messages in. Without one they are deleted with the server.
        authority: Signs the certificate with which `tls_connection_string` is served.
        admin_apart: Whether the administration has a port of its own, as in Microsoft's emulator.
    """

    name = "Service Bus emulator"
    about = "brokerkit's own emulator of Azure Service Bus"

    def __init__(
        self,
        *,
        port: int | None = None,
        data: Path | None = None,
        authority: Authority | None = None,
        admin_apart: bool = False,
    ) -> None:
        super().__init__(data)
        first, second = kept_ports(self.folder, 2)
        self.port = port or first
        self.admin_port = second if admin_apart else self.port
        self._tls: tuple[str, Path, Path] | None = None
        if authority is not None:
            # the port is fixed, so the server needs an address of its own
            address = f"127.{randint(1, 254)}.{randint(1, 254)}.{randint(1, 254)}"
            self._tls = address, *authority.sign("servicebus", hosts=(address,))
        self.begin()

    @property
    def address(self) -> str:
        return self.connection_string

    @property
    def host(self) -> str:
        """The host and port of AMQP and, unless it is apart, of the administration over plain HTTP."""
        return f"127.0.0.1:{self.port}"

    @property
    def connection_string(self) -> str:
        """The connection string with all rights."""
        return self.connection_string_of("RootManageSharedAccessKey")

    def connection_string_of(self, policy: str, key: str = KEY) -> str:
        """Return the connection string of another shared access policy: SendOnly or ListenOnly."""
        return (
            f"Endpoint=sb://{self.host};SharedAccessKeyName={policy};SharedAccessKey={key};"
            "UseDevelopmentEmulator=true;"
        )

    @property
    def tls_connection_string(self) -> str:
        """The connection string over TLS, as the service has it. The client must trust the authority."""
        assert self._tls is not None, "a server by TLS is started with an authority"
        plain = self.connection_string.removesuffix("UseDevelopmentEmulator=true;")
        return plain.replace(self.host, self._tls[0])

    def proxy(self) -> Proxy:
        return Proxy(self.port)

    def start(self) -> None:
        """Start the server with its former messages."""
        command = [str(provision()), "-c", START, str(ROOT)]
        command += ["--port", str(self.port), "--folder", str(self.folder), "--key", KEY]
        if self.admin_port != self.port:
            command += ["--admin-port", str(self.admin_port)]
        if self._tls is not None:
            command += ["--tls", *map(str, self._tls)]
        self.run(command, self._answers, timeout=START_SECONDS)

    def _answers(self) -> bool:
        try:
            self._call("GET", "/$emulator/rights", {})
        except OSError:
            return False
        return True

    def _call(self, method: str, path: str, body: object) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=10)
        try:
            connection.request(method, path, json.dumps(body))
            answer = connection.getresponse()
            said = answer.read().decode("utf-8", "replace")
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"the emulator answers {method} {path} with {answer.status}: {said}")

    def create_queue(self, name: str, **settings: object) -> None:
        """Create a queue. Settings are named as in the protocol, such as LockDuration="PT5S"."""
        self._call("PUT", f"/$emulator/queues/{name}", _texts(settings))

    def create_topic(self, name: str, **settings: object) -> None:
        """Create a topic."""
        self._call("PUT", f"/$emulator/topics/{name}", _texts(settings))

    def create_subscription(self, topic: str, name: str, **settings: object) -> None:
        """Create a subscription of a topic, which lets everything pass."""
        self._call("PUT", f"/$emulator/subscriptions/{topic}/Subscriptions/{name}", _texts(settings))

    def allow(self, policy: str, *rights: str) -> None:
        """Limit a shared access policy to the given rights, which are Manage, Send and Listen."""
        self._call("PUT", f"/$emulator/rights/{policy}", list(rights))

    def refuse_sends(self, count: int, condition: str = "com.microsoft:server-busy") -> None:
        """Let the next sends fail with an AMQP error condition."""
        self._call("PUT", "/$emulator/refusals", {"count": count, "condition": condition})


def _texts(settings: dict[str, object]) -> dict[str, str]:
    """Return settings as the protocol writes them."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in settings.items()
    }
