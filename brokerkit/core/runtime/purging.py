"""The portable half of purging: what would be removed, removing it, and looking what is left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..contract.purging import PurgingDriver
from ..vocabulary.arguments import check_count, check_name
from ..vocabulary.capabilities import Capabilities, Verb
from ..vocabulary.errors import BrokerError, ConfigError, NotSupported
from ..vocabulary.positions import AtOffset, AtTime, Latest, Position, parse_all
from ..vocabulary.purging import Cut, PurgePlan, PurgeReceipt
from ..vocabulary.subscriptions import MoveStatus
from ..vocabulary.topics import Bounds, Slice, SubscriptionInfo
from ..vocabulary.windows import Stretch
from .asking import Asking
from .inspector import ConnectedInspector
from .subscriptions import OPERATE_SECONDS, ConnectedSubscriptions, words

SHOWN = 5

Place = tuple[int | None, int]


class ConnectedPurging(Asking):
    """A remover of messages. Any thread may use it.

    Args:
        driver: Makes the calls to the client library.
        inspector: Finds positions, and looks what is left.
        subscriptions: Tells who has not read yet, and skips the backlog of one.
        name: Names the connection in errors.
        capabilities: What the system can do.
        translate: Makes a `BrokerError` of any exception of the driver.
        refuse: Raises NotSupported, with a reason, if the connection is read-only.
    """

    def __init__(
        self,
        driver: PurgingDriver,
        inspector: ConnectedInspector,
        subscriptions: ConnectedSubscriptions,
        *,
        name: str,
        capabilities: Capabilities,
        translate: Callable[[BaseException], BrokerError],
        refuse: Callable[[str], None],
    ) -> None:
        self._driver = driver
        self._inspector = inspector
        self._subscriptions = subscriptions
        self._capabilities = capabilities
        self._refuse = refuse
        super().__init__(driver, "purges", name=name, translate=translate)

    def plan(
        self,
        topic: str,
        *,
        subscription: str | None = None,
        before: Any = None,
        keep: int | None = None,
        timeout: float = OPERATE_SECONDS,
    ) -> PurgePlan:
        """Return what a purge would remove, without removing it.

        Args:
            topic: The name of the topic.
            subscription: The subscription whose backlog is removed, where messages wait for each.
            before: The position of the first message that stays, one or one for each of some partitions. None
                removes everything.
            keep: Keep so many of the newest messages of each partition instead.
            timeout: Seconds to wait for each answer of the broker.

        Raises:
            ConfigError: A position cannot be used, or both `before` and `keep` are given.
            NotFound: There is no such topic, subscription or partition.
            NotSupported: The system cannot do it; the text names the nearest thing that it can.
        """
        self._check_has("purge")
        check_name(topic, "topic")
        if before is not None and keep is not None:
            raise ConfigError("give before= or keep=, not both")
        wanted: Any = Latest() if before is None else parse_all(before)
        if keep is not None:
            wanted = AtOffset(-check_count(keep, "keep"))
        if subscription is not None:
            plan = self._plan_backlog(topic, subscription, wanted, timeout)
        elif "log" in self._capabilities.purges:
            plan = self._plan_cut(topic, wanted, timeout)
        elif "queue" in self._capabilities.purges:
            plan = self._plan_queue(topic, wanted, timeout)
        elif "everything" in self._capabilities.purges:
            plan = self._plan_everything(topic, wanted, timeout)
        else:
            raise NotSupported(self._needs_a_subscription(topic, timeout))
        return replace(
            plan, notes=(*plan.notes, *self._ask(lambda: self._driver.check(plan, timeout), timeout))
        )

    def _plan_cut(self, topic: str, wanted: Any, timeout: float) -> PurgePlan:
        _check_inside(wanted, self._inspector.bounds(topic, timeout=timeout))
        located = self._inspector.locate(topic, wanted, timeout=timeout)
        cuts = tuple(
            self._cut(topic, each, timeout)
            for each in located
            if not isinstance(wanted, dict) or each.bounds.partition in wanted
        )
        return PurgePlan(topic, "log", words(wanted), cuts, notes=self._unread(topic, cuts, timeout))

    def _cut(self, topic: str, stretch: Stretch, timeout: float) -> Cut:
        bounds, before = stretch.bounds, stretch.start
        left, worth = self._inspector.rest(topic, bounds, before)
        gone = 0 if before <= bounds.start else max(0, bounds.estimate - left)
        exact = worth == "exact" and bounds.exact
        return Cut(
            bounds.partition, bounds.start, before, bounds, gone, counted="exact" if exact else "about"
        )

    def _plan_queue(self, topic: str, wanted: Any, timeout: float) -> PurgePlan:
        everything = isinstance(wanted, Latest)
        if not isinstance(wanted, Latest | AtTime):
            raise NotSupported(
                "this system removes by the time at which messages were enqueued: give a time as before=, "
                "or choose single messages with where="
            )
        (stretch,) = self._inspector.locate(topic, wanted, timeout=timeout)
        moment = wanted.microseconds if isinstance(wanted, AtTime) else None
        count = self._ask(lambda: self._driver.waiting(topic, moment, timeout), timeout)
        bounds = stretch.bounds
        cut = Cut(None, bounds.start, stretch.start, bounds, count, counted="exact")
        return PurgePlan(topic, "queue", "all" if everything else str(wanted), (cut,), moment)

    def _plan_everything(self, topic: str, wanted: Any, timeout: float) -> PurgePlan:
        if not isinstance(wanted, Latest):
            raise NotSupported(
                "this system removes all messages of a topic or none: leave before= out, or name a "
                "subscription whose backlog is to be skipped, subscription=NAME"
            )
        cuts = tuple(
            Cut(each.partition, each.start, each.end, each, each.estimate, counted=each.counted)
            for each in self._inspector.bounds(topic, timeout=timeout)
        )
        return PurgePlan(topic, "everything", "all", cuts, notes=self._unread(topic, cuts, timeout))

    def _plan_backlog(self, topic: str, subscription: str, wanted: Any, timeout: float) -> PurgePlan:
        if "backlog" not in self._capabilities.purges:
            reason = self._capabilities.lacks.get("reset")
            if reason is not None:
                raise NotSupported(
                    f"messages are not removed for one subscription here: purge({topic!r}) without "
                    f"subscription= removes what is there. {reason}"
                )
            raise NotSupported(
                "messages are not kept for each subscription here, it has a position in the topic: "
                f"reset({topic!r}, {subscription!r}, to=...) skips messages for it, and purge({topic!r}) "
                "removes them for all"
            )
        reset = self._subscriptions.plan_reset(topic, subscription, wanted, timeout=timeout)
        cuts = []
        for each in reset.moves:
            gone = None if each.lag is None or each.lag_before is None else max(0, each.lag_before - each.lag)
            if each.after is None:
                gone = each.lag_before if isinstance(wanted, Latest) else None
            elif each.before is not None and each.after <= each.before:
                continue
            cuts.append(Cut(each.partition, each.before, each.after, each.bounds, gone, counted=each.counted))
        kept = {each.partition for each in cuts}
        moves = tuple(each for each in reset.moves if each.partition in kept)
        plan = replace(reset, moves=moves)
        return PurgePlan(topic, "backlog", reset.to, tuple(cuts), notes=reset.notes, reset=plan)

    def _unread(self, topic: str, cuts: Sequence[Cut], timeout: float) -> tuple[str, ...]:
        """Return a note about subscriptions that have not settled what is removed."""
        ends = {each.partition: each.before or 0 for each in cuts if each.messages}
        try:
            listed = self._subscriptions.listed(topic, oldest=False, timeout=timeout) if ends else []
        except BrokerError as error:
            # permission to remove messages does not include permission to see who reads them
            return (f"who has not read what is removed is not known: {error}",)
        behind = [each.name for each in listed if _is_behind(each, ends)]
        if not behind:
            return ()
        more = f" and {len(behind) - SHOWN} more" if len(behind) > SHOWN else ""
        return (f"not settled yet by {', '.join(behind[:SHOWN])}{more}: these never get what is removed",)

    def _needs_a_subscription(self, topic: str, timeout: float) -> str:
        names = [each.name for each in self._subscriptions.listed(topic, oldest=False, timeout=timeout)]
        there = f" ({', '.join(names[:SHOWN])})" if names else ""
        return f"messages are kept for each subscription here: name one{there}, subscription=NAME"

    def purge(
        self,
        plan: PurgePlan,
        *,
        on_removed: Callable[[int], object] = lambda _: None,
        timeout: float = OPERATE_SECONDS,
    ) -> list[PurgeReceipt]:
        """Remove what a plan says, look what is left, and return a receipt for each partition.

        Args:
            plan: The plan.
            on_removed: Called with the number of messages of each step, where there are several.
            timeout: Seconds to wait for each answer of the broker.

        Raises:
            NotSupported: The connection is read-only.
            BrokerError: Nothing was removed.
        """
        self._refuse("it removes no messages")
        self._check_has("purge")
        if plan.kind == "backlog":
            assert plan.reset is not None
            if not plan.cuts:
                return []
            moved = self._subscriptions.reset(plan.reset, timeout=timeout)
            return [
                PurgeReceipt(cut, each.status, each.found, None, each.error)
                for cut, each in zip(plan.cuts, moved, strict=True)
            ]
        if plan.kind == "queue":
            return [self._take_out(plan, on_removed, timeout)]
        removed: int | None = 0
        problem: BrokerError | None = None
        try:
            if plan.kind == "everything":
                self._ask(lambda: self._driver.empty(plan.topic, timeout), timeout)
                removed = None
            elif plan.targets:
                removed = self._ask(lambda: self._driver.cut(plan.topic, plan.targets, timeout), timeout)
        except BrokerError as error:
            if len(plan.cuts) < 2:
                raise
            problem = error
        receipts = self._look(plan, removed, problem, timeout)
        if problem is not None and all(each.status == "failed" for each in receipts):
            raise problem
        return receipts

    def _take_out(self, plan: PurgePlan, on_removed: Callable[[int], object], timeout: float) -> PurgeReceipt:
        (cut,) = plan.cuts
        removed, wanted = 0, cut.messages or 0
        problem: BrokerError | None = None
        while removed < wanted:
            left = wanted - removed
            try:
                count = self._ask(
                    lambda most=left: self._driver.take_out(plan.topic, plan.moment, most, timeout),  # type: ignore[misc]
                    timeout,
                )
            except BrokerError as error:
                if not removed:
                    raise
                problem = error
                break
            if not count:
                break
            removed += count
            on_removed(count)
        (bounds,) = self._inspector.bounds(plan.topic, timeout=timeout)
        left = self._ask(lambda: self._driver.waiting(plan.topic, plan.moment, timeout), timeout)
        status: MoveStatus = "differs" if left and removed < wanted else "done"
        return PurgeReceipt(cut, "failed" if problem else status, bounds.start, removed, problem)

    def _look(
        self, plan: PurgePlan, removed: int | None, problem: BrokerError | None, timeout: float
    ) -> list[PurgeReceipt]:
        now = {each.partition: each for each in self._inspector.bounds(plan.topic, timeout=timeout)}
        receipts = []
        for cut in plan.cuts:
            assert cut.before is not None
            bounds = now.get(cut.partition)
            found = cut.before if bounds is None else self._first(plan.topic, bounds, cut.before)
            done = found >= cut.before
            count = removed if len(plan.cuts) == 1 else None
            if count is None and done and cut.counted == "exact":
                count = cut.messages
            left: MoveStatus = "accepted" if plan.kind == "everything" else "differs"
            status: MoveStatus = "done" if done else "failed" if problem is not None else left
            receipts.append(PurgeReceipt(cut, status, found, count, None if done else problem))
        return receipts

    def _first(self, topic: str, bounds: Bounds, before: int) -> int:
        """Return the position of the first message, or `before` if there is none before it."""
        if bounds.start >= before or bounds.estimate == 0:
            return max(bounds.start, before)
        slice_ = Slice(topic, bounds.partition, bounds.start, min(before, bounds.end))
        with contextlib.closing(self._inspector.read(slice_, attributes=False)) as rows:
            first = next(rows, None)
        place = None if first is None else first.position_at(0)
        return before if place is None else place

    @property
    def at_once(self) -> int:
        """How many messages `remove` yields together, at most."""
        return self._driver.at_once

    def remove(
        self, topic: str, places: Sequence[Place], *, timeout: float = OPERATE_SECONDS
    ) -> Iterator[list[BrokerError | None]]:
        """Remove single messages, and yield the errors of some after the other.

        An error of the whole call is the error of each message that it was for. See `PurgingDriver.remove`.

        Raises:
            NotSupported: The connection is read-only, or the system removes no single messages.
        """
        self._refuse("it removes no messages")
        self._check_has("purge_where")
        for first in range(0, len(places), self._driver.at_once):
            some = places[first : first + self._driver.at_once]
            try:
                yield self._ask(lambda some=some: self._driver.remove(topic, some, timeout), timeout)  # type: ignore[misc]
            except BrokerError as error:
                yield [error] * len(some)

    def check_where(self, topic: str, *, timeout: float = OPERATE_SECONDS) -> tuple[str, ...]:
        """Return what a user should know before single messages are removed.

        Raises:
            NotSupported: The system or the topic allows it not.
        """
        self._check_has("purge")
        self._check_has("purge_where")
        plan = PurgePlan(check_name(topic, "topic"), "messages", "", ())
        return self._ask(lambda: self._driver.check(plan, timeout), timeout)

    def _check_has(self, verb: Verb) -> None:
        why = self._capabilities.lacks.get(verb)
        if why is not None:
            raise NotSupported(why)


def _check_inside(wanted: Position | Mapping[int, Position], partitions: Sequence[Bounds]) -> None:
    """Raise ConfigError for a place after the end: it would remove everything."""
    for bounds in partitions:
        position = wanted.get(bounds.partition or 0) if isinstance(wanted, Mapping) else wanted
        if isinstance(position, AtOffset) and bounds.place(max(0, position.offset)) > bounds.end:
            where = "" if bounds.partition is None else f" of partition {bounds.partition}"
            raise ConfigError(
                f"{bounds.show(bounds.place(position.offset))} lies after {bounds.show(bounds.end)}, the "
                f"end{where}: give an earlier position, or leave before= out to remove everything"
            )


def _is_behind(subscription: SubscriptionInfo, ends: Mapping[int | None, int]) -> bool:
    """Return whether a subscription has not settled everything before these positions."""
    if subscription.lag == 0 or not subscription.position:
        return bool(subscription.lag)
    places = subscription.position.items()
    return any((place or 0) < ends[number] for number, place in places if number in ends)
