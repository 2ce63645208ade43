"""The behaviours, by chapter. Each is a test method ``test_conformance_NN_...`` of a class."""

from __future__ import annotations

from ..behaviour import behaviours_of
from ..harness import Harness
from .acknowledgement import Acknowledgement
from .browsing import Browsing
from .dead_letters import DeadLetters
from .fidelity import Fidelity
from .iteration import Iteration
from .lifecycle import Lifecycle
from .operating import Operating
from .publish_receive import PublishAndReceive
from .records import Records


# pytest collects the last base first
class Conformance(
    DeadLetters,
    Operating,
    Browsing,
    Lifecycle,
    Iteration,
    Records,
    Acknowledgement,
    Fidelity,
    PublishAndReceive,
):
    """All 89 behaviours. Subclass it as ``Test...`` with a fixture `harness`."""

    def test_every_gap_names_a_behaviour(self, harness: Harness) -> None:
        """Fail for a gap that no behaviour has the name of: it would declare nothing."""
        assert harness.gaps.keys() - {each.name for each in behaviours_of(Conformance)} == set()


class OtherModel(Conformance):
    """The behaviours that depend on the model of the consumer.

    For a system with both models: one class of its tests is a `Conformance`, that of the other model is this.
    """


for _each in behaviours_of(Conformance):
    if _each.of_one_model:
        setattr(OtherModel, _each.body.__name__, None)


__all__ = [
    "Acknowledgement",
    "Browsing",
    "Conformance",
    "DeadLetters",
    "Fidelity",
    "Iteration",
    "Lifecycle",
    "Operating",
    "OtherModel",
    "PublishAndReceive",
    "Records",
]
