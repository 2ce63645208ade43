"""Dead letters: what is removed is gone, and what is not stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from brokerkit.core import MessageConsumer, NotFound, NotSupported
from brokerkit.core.runtime.dead_letters import ConnectedDeadLetters
from brokerkit.core.vocabulary.dead_letters import DeadLetterPlace
from brokerkit.core.vocabulary.settled_offsets import SettledOffsets

from ..behaviour import behaviour
from ..stage import Stage, payload
from ..waiting import eventually

REMOVED_SECONDS = 60.0


def _place(stage: Stage) -> tuple[ConnectedDeadLetters, DeadLetterPlace, list[bytes]]:
    """Return a topic with five messages as a place of dead letters."""
    topic, sent = stage.topic(), [b"%d" % number for number in range(5)]
    subscription = stage.subscription(topic, **stage.harness.moved_options)
    stage.publish(topic, *sent)
    dead_letters = stage.connection.dead_letters()
    try:
        place = dead_letters.place(topic)
    except NotSupported:
        # the messages of a topic may be in its subscriptions only
        place = dead_letters.place(f"{topic}/Subscriptions/{subscription}")
    if place.removal == "take" and place.through is None:
        # a topic with several subscriptions does not say which one
        place = replace(place, through=subscription)
    dead_letters.prepare(place)
    return dead_letters, place, sent


def _rows(stage: Stage, place: DeadLetterPlace) -> list[tuple[int | None, int, str, bytes]]:
    """Return partition, position, id and payload of each message that can be read."""
    inspector = stage.connection.inspector()
    return [
        row
        for slice_ in inspector.plan(place.name)
        for columns in inspector.read(slice_)
        for row in zip(
            columns.values("partition"),
            columns.positions(),
            map(str, columns.values("id")),
            columns.values("value"),
            strict=True,
        )
    ]


def _left(stage: Stage, dead_letters: ConnectedDeadLetters, place: DeadLetterPlace) -> list[bytes]:
    """Return the messages that are not removed."""
    known = dead_letters.remembered(place)
    nothing = SettledOffsets(-1)
    return [
        value
        for number, position, _, value in _rows(stage, place)
        if position not in known.get(number, nothing)
    ]


def _taken(stage: Stage, place: DeadLetterPlace, wanted: set[bytes | None]) -> None:
    """Take all messages of a place, acknowledge some, and return the others."""
    consumer = stage.connection.consumer(place.name, place.through, model="message")
    assert isinstance(consumer, MessageConsumer)
    with consumer:
        for each in stage.receive(consumer, 5):
            if payload(each) in wanted:
                each.ack()
            else:
                each.nack()


class DeadLetters:
    """Behaviours 88 and 89."""

    @behaviour(88)
    def test_conformance_88_a_dead_letter_that_is_removed_is_gone_and_the_others_stay(
        self, stage: Stage
    ) -> None:
        if "dead_letters" in stage.capabilities.lacks:
            with pytest.raises(NotSupported):
                stage.connection.dead_letters().places(stage.topic())
            return
        dead_letters, place, sent = _place(stage)
        wanted: set[bytes | None] = {sent[1], sent[3]}
        if place.removal == "take":
            _taken(stage, place, wanted)
        else:
            rows = _rows(stage, place)
            chosen = [row for row in rows if row[3] in wanted]
            if place.removal == "delete":
                ids = [row[2] for row in chosen]
                assert dead_letters.remove(place, ids) == [None, None]
                assert dead_letters.remove(place, ids) == [None, None], "one that is gone is no error"
            else:
                place = replace(place, through=f"conformance-{stage.harness.topic_name()}")
                seen = [(position, value in wanted) for _, position, _, value in rows]
                state = SettledOffsets(rows[0][1]).after(seen)
                dead_letters.remember(place, {rows[0][0]: state})
                assert dead_letters.remembered(place)[rows[0][0]] == state
        if stage.capabilities.slices == "never":
            again = stage.connection.consumer(place.name, place.through)
            stage.keep(*stage.receive(again, 3))
            again.close()
            return
        eventually(
            lambda: _left(stage, dead_letters, place) == [sent[0], sent[2], sent[4]],
            "two are removed, and three stay",
            within=REMOVED_SECONDS,
        )

    @behaviour(89)
    def test_conformance_89_dead_letters_of_a_topic_that_is_not_there_are_not_found(
        self, stage: Stage
    ) -> None:
        if "dead_letters" in stage.capabilities.lacks:
            return
        name = stage.harness.topic_name()
        for asked in (stage.connection.dead_letters().places, stage.connection.dead_letters().place):
            with pytest.raises(NotFound):
                asked(name)
