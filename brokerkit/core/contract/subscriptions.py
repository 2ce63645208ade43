"""The contract for subscriptions: listing, describing, moving and deleting them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..vocabulary.errors import NotSupported
from ..vocabulary.positions import Position
from ..vocabulary.subscriptions import AtSnapshot, ResetPlan, SubscriptionDescription
from ..vocabulary.topics import SubscriptionInfo


class SubscriptionsDriver(ABC):
    """The subscriptions of a connection.

    Made by `Driver.subscriptions`, once per connection. One thread makes every call, `close` last. The
    caller waits for a second longer than the `timeout` that it passes, and then gets `Unavailable`. Errors
    are raised to the caller, and nothing is repeated. A verb that `Capabilities.lacks` names is not called.
    """

    @abstractmethod
    def listed(self, topic: str | None, timeout: float) -> list[SubscriptionInfo]:
        """Return the subscriptions of a topic, or all that may be listed, in any order.

        `SubscriptionInfo.topic` is set in each. What the system does not tell is None; the portable half
        adds `oldest` where messages can be read without side effects. A missing permission leaves out only
        what it hides, and a `Listing` says so; any other error is raised.

        Raises:
            NotFound: The topic does not exist.
        """

    @abstractmethod
    def described(self, topic: str, subscription: str, timeout: float) -> SubscriptionDescription:
        """Return a subscription with its progress, members and settings.

        Raises:
            NotFound: The topic does not exist.
            SubscriptionNotFound: The topic has no such subscription.
        """

    def goes_to(self, position: Position | AtSnapshot, topic: str, timeout: float) -> bool:
        """Return whether a reset goes by the position itself, as there are no positions of messages.

        Raises:
            NotSupported: The system cannot go there.
        """
        return False

    def check_reset(self, plan: ResetPlan, timeout: float) -> tuple[str, ...]:
        """Return what a user should know before the reset is carried out. It changes nothing.

        Raises:
            InUse: Members are attached that hinder it. The text names them. A plan is shown nevertheless.
            NotSupported: A subscription of this kind cannot be moved, or not to there.
        """
        return ()

    def reset(self, plan: ResetPlan, timeout: float) -> None:
        """Move the subscription to the positions, the time or the snapshot of the plan.

        Called after `check_reset`. The portable half reads the result back.
        """
        raise NotSupported("this driver moves no subscriptions")

    def delete(self, topic: str, subscription: str, timeout: float) -> None:
        """Delete a subscription with its position, and return when it is gone.

        Raises:
            InUse: Members are attached, or it reads other topics as well. The text names them.
            NotFound: There is no such subscription.
        """
        raise NotSupported("this driver deletes no subscriptions")

    def close(self, timeout: float) -> None:
        """Let go of everything. The last call, made once. What it raises is ignored."""
        return
