"""The methods of a session that look at subscriptions, move them and delete them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brokerkit.display.subscriptions import (
    DescribedSubscription,
    deletion_frame,
    plan_frame,
    receipts_frame,
    subscriptions_frame,
)
from brokerkit.frames.provenance import attach

from ..arguments import check_topic
from .confirming import check_confirmed
from .lag import LagSession
from .receipts import origin_of
from .set_aside import SetAsideSession

if TYPE_CHECKING:
    import pandas as pd


class OperatingSession(SetAsideSession, LagSession):
    """A session that operates subscriptions: groups, share groups, durable consumers."""

    def subscriptions(self, topic: str | None = None) -> pd.DataFrame:
        """List the subscriptions of a topic or of all topics as a frame, one row for each topic of each.

        `lag` counts the messages that are not settled, those in flight included; `oldest_age` is the age of
        the oldest of them. A cell is NA where the system does not tell. If some may be missing, because you
        may not see them, `NotShownWarning` and ``attrs["brokerkit"]["not_shown"]`` say so.

        Args:
            topic: The name of the topic. None for all.

        Raises:
            NotFound: There is no such topic.
            NotSupported: The system cannot list them.
        """
        return subscriptions_frame(self.connection.subscriptions().listed(topic))

    def describe_subscription(self, subscription: str, topic: str | None = None) -> DescribedSubscription:
        """Describe a subscription: its progress in each partition, its members and its settings.

        Args:
            subscription: The name of the subscription, durable consumer or group.
            topic: The topic that it reads. None if it reads one only.

        Raises:
            ConfigError: It reads several topics; the error names them.
            NotFound: There is no such subscription.
        """
        chosen = self._topic_of(subscription) if topic is None else check_topic(topic)
        return DescribedSubscription(self.connection.subscriptions().described(chosen, subscription))

    def reset(
        self,
        topic: str,
        subscription: str,
        to: Any,
        *,
        dry_run: bool = False,
        confirm: str | None = None,
    ) -> pd.DataFrame:
        """Move a subscription to another position, and read back where it is.

        Look at the plan first, with ``dry_run=True``. Nothing that a subscription has settled is lost by
        moving it back: it is delivered again. What is skipped by moving it forward is not delivered to it.

        Args:
            topic: The topic that it reads.
            subscription: The name of the subscription, durable consumer or group.
            to: "earliest", "latest", a time ("-1h", a datetime), an offset, or ``{partition: offset}``, which
                leaves the other partitions where they are; "snapshot:NAME" on Pub/Sub.
            dry_run: Only return the plan.
            confirm: The name of the subscription again.

        Returns:
            One row for each partition: where it is `before` and `after`, and the lag then. Without
            `dry_run` also where it was `found`, and the `status`: "done" if that is where the plan said,
            "accepted" where the system does not tell, "differs", or "failed" with the `error`. The notes of
            the plan are in ``frame.attrs["brokerkit"]["notes"]``.

        Raises:
            ConfigError: `confirm` is not the name, or `to` is not a position in the topic.
            InUse: Members are attached that hinder it; the error names them. A dry run says it in its notes.
            NotFound: There is no such topic, subscription or partition.
            NotSupported: The session is read-only, or the system cannot do it.
        """
        if not dry_run:
            self.connection.refuse_if_read_only("it moves no subscription")
            check_confirmed(subscription, confirm, f"to move {subscription!r} of {topic!r}")
        operating = self.connection.subscriptions()
        plan = operating.plan_reset(topic, subscription, to)
        if dry_run:
            return plan_frame(plan)
        origin = origin_of(self.connection, [topic])
        return attach(receipts_frame(plan, operating.reset(plan)), origin)

    def delete_subscription(
        self, topic: str, subscription: str, *, dry_run: bool = False, confirm: str | None = None
    ) -> pd.DataFrame:
        """Delete a subscription, durable consumer or group with its position. Its messages stay in the topic.

        Where messages are kept for each subscription only (Pub/Sub, Service Bus), its backlog goes with it.

        Args:
            topic: The topic that it reads.
            subscription: Its name.
            dry_run: Only return what would be deleted.
            confirm: The name of the subscription again.

        Returns:
            A row with the subscription as it was.

        Raises:
            ConfigError: `confirm` is not the name.
            InUse: Members are attached, or it reads other topics as well; the error names them.
            NotFound: There is no such subscription.
            NotSupported: The session is read-only, or the system cannot do it.
        """
        if not dry_run:
            self.connection.refuse_if_read_only("it deletes nothing")
            check_confirmed(
                subscription, confirm, f"to delete {subscription!r} of {topic!r} with its position"
            )
        operating = self.connection.subscriptions()
        info = operating.described(topic, subscription).info
        if not dry_run:
            operating.delete(topic, subscription)
        return deletion_frame(info, "planned" if dry_run else "deleted")
