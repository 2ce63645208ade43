"""Operating subscriptions. A verb that a system lacks is refused with the reason, and nothing else."""

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

LEFT_SECONDS = 15.0
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
    """Behaviours 80 to 84."""

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
