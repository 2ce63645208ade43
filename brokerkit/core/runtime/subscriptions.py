"""The portable half of operating subscriptions: from a position to a plan, and from a plan to receipts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..contract.subscriptions import SubscriptionsDriver
from ..vocabulary.arguments import check_name
from ..vocabulary.cancellation import Deadline
from ..vocabulary.capabilities import Capabilities, Verb
from ..vocabulary.errors import BrokerError, ConfigError, InUse, NotShownWarning, NotSupported
from ..vocabulary.notes import note
from ..vocabulary.positions import AtId, AtOffset, Position, parse_all
from ..vocabulary.subscriptions import (
    AtSnapshot,
    Listing,
    Move,
    Progress,
    Receipt,
    ResetPlan,
    SubscriptionDescription,
)
from ..vocabulary.topics import Bounds
from .asking import Asking
from .inspector import ConnectedInspector
from .oldest import OldestMessages

OPERATE_SECONDS = 30.0
READ_BACK_SECONDS = 3.0
READ_BACK_STEP = 0.1
SNAPSHOT = "snapshot:"


class ConnectedSubscriptions(Asking):
    """The subscriptions of a connection.

    Any thread may use it. Only the driver's thread calls `_driver`.

    Args:
        driver: Makes the calls to the client library.
        inspector: Finds positions, and reads the times of messages.
        name: Names the connection in errors.
        capabilities: What the system can do.
        translate: Makes a `BrokerError` of any exception of the driver.
        refuse: Raises NotSupported, with a reason, if the connection is read-only.
    """

    def __init__(
        self,
        driver: SubscriptionsDriver,
        inspector: ConnectedInspector,
        *,
        name: str,
        capabilities: Capabilities,
        translate: Callable[[BaseException], BrokerError],
        refuse: Callable[[str], None],
    ) -> None:
        self._driver = driver
        self._inspector = inspector
        self._capabilities = capabilities
        self._refuse = refuse
        super().__init__(driver, "subscriptions", name=name, translate=translate)

    def listed(
        self, topic: str | None = None, *, oldest: bool = True, timeout: float = OPERATE_SECONDS
    ) -> Listing:
        """Return the subscriptions of a topic or of all topics, sorted by topic and name.

        Warns with `NotShownWarning` if some may be missing, because the user may not see them.

        Args:
            topic: The name of the topic. None for all.
            oldest: Whether to read when the oldest message was published that counts as lag, for up to three
                seconds in all, where messages can be read without side effects.
            timeout: Seconds to wait for the broker.

        Raises:
            NotFound: The topic does not exist.
            NotSupported: The system cannot list them.
        """
        self._check_has("subscriptions")
        if topic is not None:
            check_name(topic, "topic")
        listed = self._ask(lambda: self._driver.listed(topic, timeout), timeout)
        found = sorted(listed, key=lambda info: (info.topic or "", info.name, info.kind))
        if oldest and self._readable:
            times = OldestMessages(self._inspector)
            found = [replace(each, oldest=times.of(each)) if each.oldest is None else each for each in found]
        not_shown = listed.not_shown if isinstance(listed, Listing) else ()
        for each in not_shown:
            note(each, NotShownWarning)
        return Listing(found, not_shown)

    def described(
        self, topic: str, subscription: str, *, oldest: bool = True, timeout: float = OPERATE_SECONDS
    ) -> SubscriptionDescription:
        """Return a subscription with its progress in each partition, its members and its settings.

        Args:
            topic: The topic that it reads.
            subscription: Its name.
            oldest: Whether to read when the oldest messages were published; see `listed`.
            timeout: Seconds to wait for the broker.

        Raises:
            NotFound: The topic does not exist, or has no such subscription.
            NotSupported: The system cannot describe it.
        """
        self._check_has("describe_subscription")
        found = self._found(topic, subscription, timeout)
        if not (oldest and self._readable):
            return found
        times = OldestMessages(self._inspector)
        progress = tuple(
            replace(each, oldest=times.at(topic, each.bounds, each.committed))
            if each.oldest is None and each.bounds is not None and each.lag
            else each
            for each in found.progress
        )
        known = [each.oldest for each in progress if each.oldest is not None]
        first = found.info.oldest if found.info.oldest is not None else min(known, default=None)
        return replace(found, progress=progress, info=replace(found.info, oldest=first))

    def plan_reset(
        self, topic: str, subscription: str, to: Any, *, timeout: float = OPERATE_SECONDS
    ) -> ResetPlan:
        """Return what a reset would do, without doing it. A note says so if members hinder it now.

        Args:
            topic: The name of the topic.
            subscription: The name of the subscription.
            to: A position, or one for each of some partitions; the others stay. ``"snapshot:NAME"`` where
                the system has snapshots.
            timeout: Seconds to wait for each answer of the broker.

        Raises:
            ConfigError: It is not a position, or lies outside the partition.
            NotFound: The topic, the subscription or a partition does not exist.
            NotSupported: The system cannot do it; the text names the nearest thing.
        """
        self._check_has("reset")
        check_name(topic, "topic")
        check_name(subscription, "subscription")
        snapshot = isinstance(to, str) and to.startswith(SNAPSHOT)
        wanted = AtSnapshot(to.removeprefix(SNAPSHOT)) if snapshot else parse_all(to)
        found = self._found(topic, subscription, timeout)
        if not isinstance(wanted, Mapping) and self._ask(
            lambda: self._driver.goes_to(wanted, topic, timeout), timeout
        ):
            moves: tuple[Move, ...] = (Move(None, None, None, None, found.info.lag),)
            plan = ResetPlan(topic, subscription, str(wanted), moves, wanted)
        elif isinstance(wanted, AtSnapshot):
            raise NotSupported("this system has no snapshots of subscriptions: give a position or a time")
        elif not self._readable:
            raise NotSupported(
                "this system has no partitions: give one position and not {partition: position}"
            )
        else:
            if isinstance(wanted, Mapping) and not wanted:
                raise ConfigError("no partition is named, so nothing would move: {partition: position}")
            moves = self._moves(topic, wanted, {each.partition: each for each in found.progress}, timeout)
            plan = ResetPlan(topic, subscription, words(wanted), moves)
        try:
            return replace(plan, notes=self._ask(lambda: self._driver.check_reset(plan, timeout), timeout))
        except InUse as error:
            # what would happen is worth knowing before the members are stopped
            return replace(plan, notes=(f"refused for now: {error}",))

    def _moves(
        self,
        topic: str,
        wanted: Position | Mapping[int, Position],
        now: Mapping[int | None, Progress],
        timeout: float,
    ) -> tuple[Move, ...]:
        for bounds in self._inspector.bounds(topic, timeout=timeout):
            match _wanted_in(wanted, bounds.partition):
                case AtOffset(offset) if offset >= 0:
                    _check_inside(bounds.place(offset), bounds)
                case AtId(name):
                    of_partition, place = self._inspector.at_id(name)
                    if of_partition == bounds.partition:
                        _check_inside(place, bounds)
        located = self._inspector.locate(
            topic,
            wanted,
            find_time=partial(self._inspector.first_since, topic, timeout=timeout),
            timeout=timeout,
        )
        moves = []
        for each in located:
            number, bounds = each.bounds.partition, each.bounds
            if _wanted_in(wanted, number) is None:
                continue
            lag, worth = self._inspector.rest(topic, bounds, each.start)
            here = now.get(number, Progress(number))
            moves.append(Move(number, here.committed, each.start, bounds, here.lag, lag, counted=worth))
        return tuple(moves)

    def reset(self, plan: ResetPlan, *, timeout: float = OPERATE_SECONDS) -> list[Receipt]:
        """Move a subscription as a plan says, read the result back, and return a receipt for each move.

        Raises:
            InUse: Members are attached that hinder it.
            NotFound: The subscription does not exist any more.
            NotSupported: The connection is read-only.
            BrokerError: Nothing was moved.
        """
        self._refuse("it moves no subscription")
        self._check_has("reset")
        self._ask(lambda: self._driver.check_reset(plan, timeout), timeout)
        problem: BrokerError | None = None
        try:
            self._ask(lambda: self._driver.reset(plan, timeout), timeout)
        except BrokerError as error:
            if not plan.targets:
                raise
            problem = error
        if plan.position is not None:
            return [Receipt(each, "accepted") for each in plan.moves]
        receipts = self._read_back(plan, problem, timeout)
        if problem is not None and all(each.status == "failed" for each in receipts):
            raise problem
        return receipts

    def _read_back(self, plan: ResetPlan, problem: BrokerError | None, timeout: float) -> list[Receipt]:
        """Compare where the subscription is with the plan, and wait for a moment if it is elsewhere."""
        deadline = Deadline(0.0 if problem is not None else READ_BACK_SECONDS)
        while True:
            try:
                found = self._found(plan.topic, plan.subscription, timeout)
            except BrokerError:
                if problem is not None:
                    raise problem from None
                raise
            places = {each.partition: each.committed for each in found.progress}
            receipts = [_receipt(move, places.get(move.partition), problem) for move in plan.moves]
            if deadline.passed or all(each.status == "done" for each in receipts):
                return receipts
            time.sleep(READ_BACK_STEP)

    def delete(self, topic: str, subscription: str, *, timeout: float = OPERATE_SECONDS) -> None:
        """Delete a subscription with its position.

        Raises:
            InUse: Members are attached, or it reads other topics as well.
            NotFound: There is no such subscription.
            NotSupported: The connection is read-only, or the system cannot do it.
        """
        self._refuse("it deletes nothing")
        self._check_has("delete_subscription")
        check_name(topic, "topic")
        check_name(subscription, "subscription")
        self._ask(lambda: self._driver.delete(topic, subscription, timeout), timeout)

    @property
    def _readable(self) -> bool:
        return self._capabilities.slices == "repeatable"

    def _found(self, topic: str, subscription: str, timeout: float) -> SubscriptionDescription:
        check_name(topic, "topic")
        check_name(subscription, "subscription")
        return self._ask(lambda: self._driver.described(topic, subscription, timeout), timeout)

    def _check_has(self, verb: Verb) -> None:
        why = self._capabilities.lacks.get(verb)
        if why is not None:
            raise NotSupported(why)


def words(wanted: Position | Mapping[int, Position]) -> str:
    """Return a position, or one for each of some partitions, as text."""
    if isinstance(wanted, Mapping):
        return ", ".join(f"{number}: {each}" for number, each in wanted.items())
    return str(wanted)


def _wanted_in(wanted: Position | Mapping[int, Position], partition: int | None) -> Position | None:
    """Return the position that is wanted in a partition. None if it is to stay where it is."""
    return wanted.get(partition or 0) if isinstance(wanted, Mapping) else wanted


def _check_inside(place: int, bounds: Bounds) -> None:
    """Raise ConfigError for a place outside a partition: brokers accept it, and messages are skipped."""
    if not bounds.start <= place <= bounds.end:
        where = "the topic" if bounds.partition is None else f"partition {bounds.partition}"
        raise ConfigError(
            f"{bounds.show(place)} lies outside {where}, which has {bounds.show(bounds.start)} up to "
            f'{bounds.show(bounds.end)}, its end: give one of these, "earliest" or "latest"'
        )


def _receipt(move: Move, found: int | None, problem: BrokerError | None) -> Receipt:
    there = (
        found is not None
        and move.after is not None
        and (found == move.after or (move.bounds is not None and move.bounds.same(found, move.after)))
    )
    if there:
        return Receipt(move, "done", found)
    return Receipt(move, "failed" if problem is not None else "differs", found, problem)
