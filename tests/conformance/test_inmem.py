"""The conformance suite on the in-memory broker."""

from __future__ import annotations

import uuid

import pytest

from brokerkit.backends import inmem
from brokerkit.core import Connection
from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.testing import Conformance, Gap, Harness


class InmemHarness(Harness):
    """The broker is an object of this process; killing it drops its leases and refuses everything."""

    in_process = True
    translates = False
    # nothing is ever on its way
    quiet_seconds = 0.1
    gaps = {  # noqa: RUF012  # as the base class has it
        "a slice is read alike by another process": Gap(
            "never", "the messages live in the memory of one process; another process cannot read them"
        ),
    }

    def __init__(self, model: Model) -> None:
        self.lock_options = {"ack_deadline": 1.0}
        self.ordered_options = {"ordered": True}
        self.name = f"inmem ({model}s)"
        self.model = model
        host = f"conformance-{uuid.uuid4().hex[:8]}"
        self.url = f"inmem://{host}"
        self._faults = inmem.shared_store(host).faults

    def make_gap(self, connection: Connection, topic: str) -> None:
        super().make_gap(connection, topic)
        partition = connection.native.topic(topic).partitions[0]
        partition.delete(partition.append(None, b"compacted", None).offset)

    def kill(self) -> None:
        self._faults.stop()

    def restart(self) -> None:
        self._faults.start()

    def pause(self) -> None:
        self._faults.pause()

    def resume(self) -> None:
        self._faults.resume()


@pytest.fixture(scope="module")
def harness() -> Harness:
    return InmemHarness("message")


class TestInmem(Conformance):
    """All behaviours, with messages where either model has them."""
