"""Operating subscriptions, and removing messages. A verb that a system lacks is refused with the reason."""

from __future__ import annotations

import uuid

import pytest

from brokerkit.core import NotFound, NotSupported, SubscriptionInfo
from brokerkit.core.runtime.subscriptions import ConnectedSubscriptions
from brokerkit.core.vocabulary.capabilities import Verb
from brokerkit.core.vocabulary.errors import InUse
from brokerkit.core.vocabulary.subscriptions import Receipt

from ..behaviour import behaviour
from ..stage import Stage, acknowledge, payloads
from ..waiting import eventually

LEFT_SECONDS = 60.0
"""How long a group may take to notice that its members have left."""


def _lacks(stage: Stage, verb: Verb) -> bool:
    """Tell whether the system lacks a verb for the model of the test, with a reason."""
    why = stage.capabilities.lacks.get(verb)
    assert why is None or len(why) > 20, f"lacks[{verb!r}] does not say why"
    return why is not None


def _operating(stage: Stage) -> ConnectedSubscriptions:
    return stage.connection.subscriptions()


def _listed(stage: Stage, topic: str | None, name: str) -> list[SubscriptionInfo]:
    return [each for each in _operating(stage).listed(topic) if each.name == name]


def _half_read(stage: Stage) -> tuple[str, str, list[bytes]]:
    """Return a topic, a subscription that has settled 4 of its 10 messages, and the payloads."""
    topic, sent = stage.topic(), [b"%d" % number for number in range(10)]
    subscription = stage.subscription(topic, **stage.harness.moved_options)
    stage.publish(topic, *sent)
    reader = stage.consumer(topic, subscription)
    acknowledge(stage.receive(reader, 4))
    reader.close()
    return topic, subscription, sent


def _reset(stage: Stage, topic: str, subscription: str, to: str) -> list[Receipt]:
    """Reset, once the members that were closed have left."""
    operating = _operating(stage)

    def done() -> list[Receipt] | None:
        try:
            return operating.reset(operating.plan_reset(topic, subscription, to))
        except InUse:
            return None

    found = eventually(done, "the members have left", within=LEFT_SECONDS)
    assert found is not None
    return found


class Operating:
    """Behaviours 80 to 87."""

    @behaviour(80)
    def test_conformance_80_a_subscription_is_listed_with_its_topic_and_lag(self, stage: Stage) -> None:
        topic, subscription, _ = _half_read(stage)
        if _lacks(stage, "subscriptions"):
            with pytest.raises(NotSupported):
                _operating(stage).listed()
            return

        def known() -> bool:
            found = _listed(stage, topic, subscription)
            return len(found) == 1 and found[0].lag in (None, 6)

        eventually(known, "the lag is 6, or not told", within=LEFT_SECONDS)
        (of_topic,) = _listed(stage, topic, subscription)
        (of_all,) = eventually(
            lambda: _listed(stage, None, subscription), "it is listed", within=LEFT_SECONDS
        )
        assert (of_all.topic, of_all.lag, of_all.kind) == (of_topic.topic, of_topic.lag, of_topic.kind)
        assert of_topic.topic is not None
        assert of_topic.topic.endswith(topic)
        with pytest.raises(NotFound):
            _operating(stage).listed(stage.harness.topic_name())

    @behaviour(81)
    def test_conformance_81_a_description_agrees_with_the_list(self, stage: Stage) -> None:
        topic, subscription, _ = _half_read(stage)
        if _lacks(stage, "describe_subscription"):
            with pytest.raises(NotSupported):
                _operating(stage).described(topic, subscription)
            return
        found = _operating(stage).described(topic, subscription)
        (info,) = _listed(stage, topic, subscription)
        assert (found.info.name, found.info.kind) == (info.name, info.kind)
        if found.progress and info.lag is not None:
            assert sum(each.lag or 0 for each in found.progress) == info.lag
        with pytest.raises(NotFound, match="none-"):
            _operating(stage).described(topic, f"none-{uuid.uuid4().hex[:8]}")

    @behaviour(82)
    def test_conformance_82_a_reset_to_the_end_skips_what_is_there(self, stage: Stage) -> None:
        topic, subscription, _ = _half_read(stage)
        if _lacks(stage, "reset"):
            with pytest.raises(NotSupported):
                _operating(stage).plan_reset(topic, subscription, "latest")
            return
        receipts = _reset(stage, topic, subscription, "latest")
        assert {each.status for each in receipts} <= {"done", "accepted"}
        stage.publish(topic, b"new")
        reader = stage.consumer(topic, subscription)
        assert payloads(stage.receive(reader, 1)) == [b"new"]

    @behaviour(83)
    def test_conformance_83_a_reset_to_the_beginning_delivers_everything_again(self, stage: Stage) -> None:
        assert stage.harness.moves_back, "the server does not survive a reset to the beginning"
        topic, subscription, sent = _half_read(stage)
        if _lacks(stage, "reset"):
            with pytest.raises(NotSupported):
                _operating(stage).plan_reset(topic, subscription, "earliest")
            return
        with pytest.raises(NotFound):
            _operating(stage).plan_reset(topic, f"none-{uuid.uuid4().hex[:8]}", "earliest")
        receipts = _reset(stage, topic, subscription, "earliest")
        assert {each.status for each in receipts} <= {"done", "accepted"}
        reader = stage.consumer(topic, subscription)
        assert sorted(each or b"" for each in stage.take(reader, 10)) == sorted(sent)

    @behaviour(84)
    def test_conformance_84_a_deleted_subscription_is_gone(self, stage: Stage) -> None:
        topic, subscription, _ = _half_read(stage)
        if _lacks(stage, "delete_subscription"):
            with pytest.raises(NotSupported):
                _operating(stage).delete(topic, subscription)
            return
        operating = _operating(stage)

        def deleted() -> bool:
            try:
                operating.delete(topic, subscription)
            except InUse:
                return False
            return True

        eventually(deleted, "the members have left", within=LEFT_SECONDS)
        assert _listed(stage, topic, subscription) == []
        with pytest.raises(NotFound):
            operating.delete(topic, subscription)

    @behaviour(85)
    def test_conformance_85_a_purge_removes_what_the_plan_counted(self, stage: Stage) -> None:
        topic, sent = stage.filled(6)
        subscription = stage.subscription(topic, **stage.harness.moved_options)
        purges = stage.capabilities.purges
        if _lacks(stage, "purge"):
            with pytest.raises(NotSupported):
                stage.connection.purging().plan(topic)
            return
        purging = stage.connection.purging()
        where = topic if "log" in purges or "everything" in purges else _readable(stage, topic, subscription)
        if "backlog" in purges and "everything" not in purges:
            plan = purging.plan(topic, subscription=subscription)
            assert {each.status for each in purging.purge(plan)} == {"accepted"}
            stage.publish(topic, b"new")
            assert payloads([stage.one(stage.consumer(topic, subscription))]) == [b"new"]
            return
        plan = purging.plan(where)
        assert plan.messages == len(sent)
        receipts = purging.purge(plan)
        if "everything" in purges:
            # how much of a topic stays readable depends on how its system stores it
            assert {each.status for each in receipts} <= {"done", "accepted"}
            return
        assert {each.status for each in receipts} == {"done"}
        assert sum(each.estimate for each in stage.connection.inspector().bounds(where)) == 0
        stage.publish(topic, b"new")
        assert _values(stage, where) == [b"new"]

    @behaviour(86)
    def test_conformance_86_a_purge_keeps_what_lies_after_its_position(self, stage: Stage) -> None:
        topic, sent = stage.filled(6)
        if "log" not in stage.capabilities.purges:
            assert stage.capabilities.purges or _lacks(stage, "purge"), "lacks does not say that it cannot"
            return
        purging = stage.connection.purging()
        plan = purging.plan(topic, keep=2)
        assert plan.messages == 4
        assert {each.status for each in purging.purge(plan)} == {"done"}
        assert _values(stage, topic) == sent[4:]
        again = purging.plan(topic, keep=2)
        assert again.messages == 0
        assert {each.status for each in purging.purge(again)} == {"done"}

    @behaviour(87)
    def test_conformance_87_single_messages_are_removed_once(self, stage: Stage) -> None:
        topic = stage.topic()
        subscription = stage.subscription(topic, **stage.harness.moved_options)
        sent = [b"%d" % number for number in range(5)]
        stage.publish(topic, *sent)
        if _lacks(stage, "purge_where"):
            with pytest.raises(NotSupported):
                stage.connection.purging().check_where(topic)
            return
        where = topic if "log" in stage.capabilities.purges else _readable(stage, topic, subscription)
        inspector, purging = stage.connection.inspector(), stage.connection.purging()
        places = [
            (slice_.partition, place)
            for slice_ in inspector.plan(where)
            for columns in inspector.read(slice_)
            for place in columns.positions()
        ]
        chosen = [places[1], places[3]]
        assert [each for some in purging.remove(where, chosen) for each in some] == [None, None]
        assert _values(stage, where) == [sent[0], sent[2], sent[4]]
        (twice,) = purging.remove(where, chosen[:1])
        assert [type(each) for each in twice] == [NotFound]


def _readable(stage: Stage, topic: str, subscription: str) -> str:
    """Return the name under which the messages of a topic can be looked at."""
    try:
        stage.connection.inspector().bounds(topic)
    except NotSupported:
        return f"{topic}/Subscriptions/{subscription}"
    return topic


def _values(stage: Stage, topic: str) -> list[bytes | None]:
    inspector = stage.connection.inspector()
    return [
        value
        for slice_ in inspector.plan(topic)
        for columns in inspector.read(slice_)
        for value in columns.values("value")
    ]
