"""Removing what waits for a subscription, which is a seek."""

from __future__ import annotations

from brokerkit.core.contract.purging import PurgingDriver
from brokerkit.core.vocabulary.positions import AtTime
from brokerkit.core.vocabulary.purging import PurgePlan


class PubSubPurging(PurgingDriver):
    """A remover of messages. The portable half seeks."""

    def check(self, plan: PurgePlan, timeout: float) -> tuple[str, ...]:
        if plan.reset is not None and isinstance(plan.reset.position, AtTime):
            return (
                "it is a seek: what was acknowledged and published after that time is delivered again, if it "
                "is kept",
            )
        return ()
