"""The method of a session that removes messages from topics, queues and the backlogs of subscriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound
from brokerkit.display.progress import bar
from brokerkit.display.purges import purge_plan_frame, purge_receipts_frame, removed_rows

from ..arguments import check_topic
from ..filters import Header
from ..interrupted import Interrupted
from ..publish.frame_placement import time_values
from ..read.reread import Place, places_of, read_times
from ..read.watching import WatchingSession
from .confirming import check_confirmed

if TYPE_CHECKING:
    import pandas as pd

    from brokerkit.core.runtime.inspector import ConnectedInspector


class PurgingSession(WatchingSession):
    """A session that removes messages."""

    def purge(
        self,
        topic: str,
        *,
        subscription: str | None = None,
        before: Any = None,
        keep: int | None = None,
        key: str | bytes | None = None,
        header: Header | None = None,
        where: Any = None,
        rows: pd.DataFrame | None = None,
        dry_run: bool = False,
        confirm: str | None = None,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Remove messages: all of a topic or queue, those before a position, or single ones.

        Look at the plan first, with ``dry_run=True``. What is removed cannot be brought back; where single
        messages are chosen, the frame that is returned has them whole, so they can be published again.
        After an error or an interrupt, the same call goes on.

        What each system can do: Kafka removes the records before an offset or a time of each partition;
        JetStream does so for a stream or a subject, and removes single messages; Pulsar skips the backlog of
        a subscription, or empties a topic; Pub/Sub skips the backlog of a subscription; Service Bus empties a
        queue, a subscription (``TOPIC/Subscriptions/NAME``) or a dead-letter sub-queue, all, those enqueued
        before a time, or single messages.

        Args:
            topic: The name of the topic or queue.
            subscription: The subscription whose backlog is skipped, where messages wait for each.
            before: The first position that stays: a time ("-7d", a datetime), an offset, or ``{partition:
                offset}``, which leaves the other partitions as they are. None removes everything.
            keep: Keep so many of the newest messages of each partition.
            key, header, where: Remove single messages only: those that match, as in `peek`. With `before`,
                only among those before it.
            rows: Remove single messages only: the rows of this frame of messages.
            dry_run: Only return the plan.
            confirm: The name of the topic again, or of the subscription if there is one.
            progress: Show a progress bar where there are several steps.

        Returns:
            One row for each partition: its first position (`start`), the first that stays (`before`), and how
            many `messages` are removed. Without `dry_run` also the first position that was `found`, how many
            were `removed`, and the `status`: "done" if nothing is left before the position, "accepted" where
            the system does not tell, "differs", or "failed" with the `error`. For single messages their
            rows, with `status` and `error`: "planned", "removed", "gone" if it was not there any more,
            "failed" if it is there still, or "unknown" if there was no answer in time. Notes of the plan are
            in ``frame.attrs["brokerkit"]["notes"]``.

        Raises:
            ConfigError: `confirm` is not the name, or an argument cannot be used.
            Interrupted: Ctrl-C was pressed; `.frame` has the single messages with their status.
            NotFound: There is no such topic, subscription or partition.
            NotSupported: The session is read-only, or the system cannot do it; the text names what it can.
        """
        name = check_topic(topic) if subscription is None else subscription
        if not dry_run:
            self.connection.refuse_if_read_only("it removes no messages")
            check_confirmed(name, confirm, f"to remove messages of {topic!r}")
        chosen = (key, header, where) != (None,) * 3
        if chosen or rows is not None:
            if subscription is not None or keep is not None or (rows is not None and (chosen or before)):
                raise ConfigError(
                    "single messages are chosen by key=, header=, where= and before=, or by rows= alone"
                )
            self.connection.purging().check_where(topic)
            found = (
                rows
                if rows is not None
                else self.scan(
                    topic,
                    end="latest" if before is None else before,
                    partitions=list(before) if isinstance(before, Mapping) else None,
                    key=key,
                    header=header,
                    where=where,
                    progress=progress,
                ).to_pandas()
            )
            if rows is not None:
                _check_of(topic, rows)
            return self._purge_rows(topic, found, old=rows is not None, dry_run=dry_run, progress=progress)
        purging = self.connection.purging()
        plan = purging.plan(topic, subscription=subscription, before=before, keep=keep)
        if dry_run:
            return purge_plan_frame(plan)
        with bar(f"removing from {topic}", plan.messages, show=progress) as shown:
            receipts = purging.purge(plan, on_removed=shown.update)
        return purge_receipts_frame(plan, receipts)

    def _purge_rows(
        self, topic: str, frame: pd.DataFrame, *, old: bool, dry_run: bool, progress: bool
    ) -> pd.DataFrame:
        purging = self.connection.purging()
        notes = purging.check_where(topic)
        places = places_of(frame, self.inspector)
        details = {"purge": topic, "how": "messages", "notes": list(notes)}
        status = ["planned"] * len(frame)
        errors: list[BrokerError | None] = [None] * len(frame)
        for row in _replaced(frame, places, self.inspector) if old else ():
            status[row] = "gone"
            errors[row] = NotFound("another message has its position now: the topic was made again")
        if dry_run:
            return removed_rows(frame, status, errors, details)
        there = [row for row, each in enumerate(status) if each == "planned"]
        wanted = [places[row][1:] for row in there]
        done = 0
        try:
            with bar(f"removing from {topic}", len(there), show=progress) as shown:
                for found in purging.remove(topic, wanted):
                    for error in found:
                        status[there[done]], errors[there[done]] = _outcome(error), error
                        done += 1
                    shown.update(len(found))
        except KeyboardInterrupt as interrupt:
            # the broker may be at work on them still
            for row in there[done : done + purging.at_once]:
                status[row] = "unknown"
            text = f"removing from {topic!r} was interrupted after {done:,} of {len(there):,} messages"
            self.last_interrupted = Interrupted(text, removed_rows(frame, status, errors, details))
            raise self.last_interrupted from interrupt
        return removed_rows(frame, status, errors, details)


def _outcome(error: BrokerError | None) -> str:
    if error is None:
        return "removed"
    if isinstance(error, NotFound):
        return "gone"
    return "unknown" if error.retryable else "failed"


def _replaced(frame: pd.DataFrame, places: Sequence[Place], inspector: ConnectedInspector) -> list[int]:
    """Return the rows whose positions belong to messages of another time now."""
    if "publish_time" not in frame.columns:
        raise ConfigError(
            "rows= needs the column publish_time, which tells the messages of a topic made again"
        )
    times = dict(read_times(inspector, places))
    given = time_values(list(frame["publish_time"]), 0, len(frame))
    return [
        row
        for row, (place, time) in enumerate(zip(places, given, strict=True))
        if times.get(place) is not None and time is not None and times[place] != time
    ]


def _check_of(topic: str, rows: pd.DataFrame) -> None:
    """Raise ConfigError unless all rows are of a topic: positions of another one name other messages."""
    others = sorted(map(str, set(rows["topic"].dropna()) - {topic})) if "topic" in rows.columns else []
    if others:
        raise ConfigError(
            f"rows= has messages of {', '.join(others[:5])}, not only of {topic!r}: purge each topic alone"
        )
