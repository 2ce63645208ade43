"""The conformance suite: 75 behaviours that every backend shows or declares as a gap.

placeholder
"""

import pytest

pytest.register_assert_rewrite("brokerkit.testing.suite", "brokerkit.testing.stage", "brokerkit.testing.waiting")

from .harness import Harness  # noqa: E402  # after the rewriting of asserts is asked for
from .suite import Conformance  # noqa: E402
from .waiting import eventually  # noqa: E402

__all__ = ["Conformance", "Harness", "eventually"]
