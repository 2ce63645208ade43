"""Three NATS servers that keep each stream together."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nats

from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.process import free_ports
from brokerkit.testing import eventually

SIZE = 3
READY_SECONDS = 40.0


class NatsCluster:
    """Servers that all take part when the constructor returns. A killed one keeps its data."""

    def __init__(self, folder: Path) -> None:
        routes = free_ports(SIZE)
        peers = ", ".join(f"nats://127.0.0.1:{port}" for port in routes)
        self.servers: dict[str, NatsServer] = {}
        try:
            for number, port in enumerate(routes, 1):
                name = f"n{number}"
                settings = (
                    f"server_name: {name}\n"
                    f"cluster {{ name: c, listen: 127.0.0.1:{port}, routes: [{peers}] }}\n"
                )
                self.servers[name] = NatsServer(data=folder / name, settings=settings)
            eventually(self._whole, "all servers take part", within=READY_SECONDS)
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The address with all servers."""
        return "nats://" + ",".join(server.host for server in self.servers.values())

    def options(self) -> dict[str, Any]:
        return {"num_replicas": SIZE}

    def urls(self, leader: str) -> dict[str, str]:
        """The address of the leader alone, and of another server alone."""
        other = next(name for name in self.servers if name != leader)
        return {"the leader": self.servers[leader].url, "another": self.servers[other].url}

    def kill(self, server: str) -> None:
        self.servers[server].kill()

    def _whole(self) -> bool:
        """Whether every server answers, and a stream with a replica on each can be created."""

        async def ask(urls: list[str]) -> bool:
            client = await nats.connect(urls, connect_timeout=2)
            try:
                stream = client.jetstream()
                await stream.add_stream(name="probe", subjects=["probe"], num_replicas=SIZE)
                info = (await stream.stream_info("probe")).cluster
                await stream.delete_stream("probe")
            except nats.errors.Error:
                return False
            finally:
                await client.close()
            return bool(info and info.leader and all(each.current for each in info.replicas or ()))

        return all(asyncio.run(ask([url])) for url in self._urls())

    def _urls(self) -> list[str]:
        return [server.url for server in self.servers.values() if server.running]

    def leader(self, topic: str) -> str:
        """The name of the server that leads the stream of a topic."""

        async def ask() -> str:
            client = await nats.connect(self._urls(), connect_timeout=2)
            try:
                stream = client.jetstream()
                info = await stream.stream_info(await stream.find_stream_name_by_subject(topic))
            except nats.errors.Error:
                return ""
            finally:
                await client.close()
            return str(info.cluster.leader or "") if info.cluster else ""

        return eventually(lambda: asyncio.run(ask()), f"{topic} has a leader", within=READY_SECONDS)

    def mend(self) -> None:
        """Start the servers that do not run, and wait until all take part."""
        for server in self.servers.values():
            if not server.running:
                server.restart()
        eventually(self._whole, "all servers take part", within=READY_SECONDS)

    def close(self) -> None:
        for server in self.servers.values():
            server.kill()
            server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
