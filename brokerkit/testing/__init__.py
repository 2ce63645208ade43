"""The conformance suite: 89 behaviours that every backend shows, or declares as a gap.

It needs pytest (``pip install 'brokerkit-notebook[test]'``). To test a backend, write a test module such
as this one, which tests the in-memory broker::

    import uuid

    import pytest

    from brokerkit.backends import inmem
    from brokerkit.core import Connection
    from brokerkit.testing import Conformance, Gap, Harness


    class InmemHarness(Harness):
        name = "inmem"
        in_process = True  # another process does not see this broker
        translates = False  # there is no client library below, so errors have no cause
        lock_options = {"ack_deadline": 1.0}
        ordered_options = {"ordered": True}
        gaps = {"a slice is read alike by another process": Gap("never", "only this process has it")}

        def __init__(self) -> None:
            host = f"example-{uuid.uuid4().hex[:8]}"
            self.url = f"inmem://{host}"
            self._faults = inmem.shared_store(host).faults

        def make_gap(self, connection: Connection, topic: str) -> None:
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
        return InmemHarness()


    class TestInmem(Conformance):
        pass

Every test is named ``test_conformance_NN_what_it_shows`` and takes the fixture `harness`, which is made
once for all of them. `Harness` lists what a harness may set. Tests read from `Capabilities` what to expect.

A behaviour that a system does not show is declared in `Harness.gaps`, by its name, with the reason:
``"never"`` if the system cannot show it, ``"not yet"`` if it should. A declared behaviour is still run, and
must fail, be refused or hang. If it holds, its test fails, so that no declaration outlives its reason.
Behaviours of a model that is not in `Capabilities.models` are gaps without a declaration.

A system with both models has a second class of tests, a subclass of `OtherModel` with a harness of that
model: it leaves out what the first class has shown already.

With the line ``pytest_plugins = ["brokerkit.testing.plugin"]`` in the topmost ``conftest.py``, a run ends
with the behaviours that were shown, declared and broken. Behaviour 66 runs the others ten times in parallel,
except those that break the server (`disturbs`) or measure fractions of a second (`timed`). It is marked
`slow` and `soak`; with that line it runs only where ``-m soak`` asks for it.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("brokerkit.testing.suite", "brokerkit.testing.stage")

from .harness import Gap, Harness  # noqa: E402  # asserts are rewritten only in what is imported later
from .suite import Conformance, OtherModel  # noqa: E402
from .waiting import eventually  # noqa: E402

__all__ = ["Conformance", "Gap", "Harness", "OtherModel", "eventually"]
