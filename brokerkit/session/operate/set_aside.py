"""The methods of a session that list messages which are not delivered yet: scheduled and deferred ones."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from brokerkit.core.vocabulary.errors import NotSupported
from brokerkit.frames.attributes import pairs_of

from ..arguments import check_topic
from .purging import PurgingSession

if TYPE_CHECKING:
    import pandas as pd

AT = "@at "
"""What stands before the time of a schedule for one message."""


class SetAsideSession(PurgingSession):
    """A session that lists messages which are not delivered yet."""

    def scheduled(self, topic: str, **reading: Any) -> pd.DataFrame:
        """List the messages that are delivered later, soonest first, with the column `due`.

        To cancel some, give them to `purge`: ``s.purge(topic, rows=df[...], confirm=topic)``.

        Args:
            topic: The name of the topic or queue.
            **reading: Arguments of `scan`, such as ``where=``, ``decode=`` and ``expand=``.

        Raises:
            NotFound: There is no such topic.
            NotSupported: The system has none, or does not show them.
        """
        import pandas as pd

        found = self._set_aside(topic, "scheduled", reading)
        name = self.capabilities.set_aside["scheduled"].due
        pairs, _ = pairs_of(pa.array(found["attributes"]))
        times = [_time(each.get(name or "")) for each in pairs]
        due = pa.chunked_array([pa.array(times, pa.timestamp("us", "UTC"))])
        made = found.assign(due=pd.Series(pd.arrays.ArrowExtensionArray(due), index=found.index))
        return made.sort_values("due", ignore_index=True, kind="stable")

    def deferred(self, topic: str, **reading: Any) -> pd.DataFrame:
        """List the messages that a consumer has put aside, which are delivered by their numbers only.

        To take them, ``s.pull(topic, deferred=True)``, or ``deferred=[...]`` with values of the column
        `offset`. To remove some, give them to `purge`: ``s.purge(topic, rows=df[...], confirm=topic)``.

        Args:
            topic: The name of the queue, or of a subscription or sub-queue by its path.
            **reading: Arguments of `scan`, such as ``where=``, ``decode=`` and ``expand=``.

        Raises:
            NotFound: There is no such queue.
            NotSupported: The system has none, or does not show them.
        """
        return self._set_aside(topic, "deferred", reading)

    def _set_aside(
        self, topic: str, kind: Literal["scheduled", "deferred"], reading: dict[str, Any]
    ) -> pd.DataFrame:
        how = self.capabilities.set_aside.get(kind)
        if how is None:
            raise NotSupported(
                f"this system shows no {kind} messages apart from others: peek({topic!r}) shows what there is"
            )
        return self.scan(check_topic(topic), header=how.header, **reading).to_pandas()


def _time(value: Any) -> datetime | None:
    """Return the time in the attribute of a schedule. None for one that repeats."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.removeprefix(AT).strip())
        except ValueError:
            return None
    return value if isinstance(value, datetime) else None
