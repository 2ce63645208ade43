"""Removing messages of streams on the real server, with the state asked of nats-py."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import nats
import pytest

import brokerkit as bk
from brokerkit.sandbox.nats import NatsServer
from brokerkit.workbench import Session

pytestmark = pytest.mark.broker
Filled = tuple[str, str]


@pytest.fixture
def s(nats_server: NatsServer) -> Iterator[Session]:
    with bk.connect(nats_server.url) as session:
        yield session


@pytest.fixture
def filled(s: Session, subject: str, publish: Callable[..., list[str]]) -> Filled:
    """A subject with the sequences 2, 4, ..., 20 of its stream, whose name is the other value."""
    for number in range(1, 11):
        publish(f"{subject}.other", b"%d" % number)
        publish(f"{subject}.mine", b"%d" % number)
    return f"{subject}.mine", str(s.describe(subject).details["stream"])


def left(server: NatsServer, stream: str) -> dict[str, int]:
    """The number of messages of each subject, by the last part of its name, as nats-py says."""

    async def ask() -> dict[str, int]:
        client = await nats.connect(server.url)
        try:
            info = await client.jetstream().stream_info(stream, subjects_filter=">")
        finally:
            await client.close()
        return {name.rpartition(".")[2]: count for name, count in (info.state.subjects or {}).items()}

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("how", "mine"), [({}, 0), ({"before": 7}, 7), ({"keep": 4}, 4), ({"before": "-1h"}, 10)]
)
def test_a_subject_loses_what_lies_before_a_position(
    s: Session, nats_server: NatsServer, filled: Filled, how: dict[str, Any], mine: int
) -> None:
    topic, stream = filled
    plan = s.purge(topic, **how, dry_run=True)
    assert list(plan["messages"]) == [10 - mine]
    assert left(nats_server, stream) == {"other": 10, "mine": 10}
    done = s.purge(topic, **how, confirm=topic)
    assert list(done["status"]) == ["done"]
    assert list(done["removed"]) == [10 - mine]
    assert left(nats_server, stream) == {"other": 10, **({"mine": mine} if mine else {})}
    assert len(s.peek(topic)) == mine


def test_a_whole_stream_names_its_subjects(s: Session, nats_server: NatsServer, filled: Filled) -> None:
    _, stream = filled
    topic = f"stream:{stream}"
    done = s.purge(topic, before=7, confirm=topic)
    assert list(done["removed"]) == [6]
    assert list(done["found"]) == [7]
    assert left(nats_server, stream) == {"other": 7, "mine": 7}


def test_single_messages_are_removed_and_the_frame_has_them(
    s: Session, nats_server: NatsServer, filled: Filled
) -> None:
    topic, stream = filled
    plan = s.purge(topic, where="1", dry_run=True)
    assert list(plan["value"]) == ["1", "10"]
    assert list(plan["status"]) == ["planned", "planned"]
    assert left(nats_server, stream)["mine"] == 10
    done = s.purge(topic, where="1", confirm=topic)
    assert list(done["status"]) == ["removed", "removed"]
    assert left(nats_server, stream) == {"other": 10, "mine": 8}
    assert "1" not in set(s.peek(topic)["value"])
    again = s.purge(topic, rows=done, confirm=topic)
    assert list(again["status"]) == ["gone", "gone"]
    s.publish_frame(topic, done[["value", "raw", "key", "attributes"]])
    assert left(nats_server, stream)["mine"] == 10


def test_scheduled_messages_are_listed_and_cancelled(
    s: Session, nats_server: NatsServer, subject: str
) -> None:
    stream, topic, target = f"S-{subject}", f"later.{subject}", f"now.{subject}"
    settings = {"name": stream, "subjects": [topic, target], "allow_msg_schedules": True}
    now = datetime.now(UTC).replace(microsecond=0)

    async def schedule(*hours: int) -> None:
        client = await nats.connect(nats_server.url)
        try:
            await client.request(f"$JS.API.STREAM.CREATE.{stream}", json.dumps(settings).encode())
            for each in hours:
                at = (now + timedelta(hours=each)).isoformat().replace("+00:00", "Z")
                headers = {"Nats-Schedule": f"@at {at}", "Nats-Schedule-Target": target}
                await client.jetstream().publish(topic, b'{"hours": %d}' % each, headers=headers)
        finally:
            await client.close()

    asyncio.run(schedule())
    assert list(s.scheduled(topic)["due"]) == []
    # the server keeps the last schedule of a subject
    asyncio.run(schedule(3, 1, 2))
    found = s.scheduled(topic, expand=True)
    assert list(found["due"]) == [now + timedelta(hours=2)]
    assert list(found["value.hours"]) == [2]
    assert left(nats_server, stream) == {subject: 1}
    assert list(s.purge(topic, rows=found, confirm=topic)["status"]) == ["removed"]
    assert left(nats_server, stream) == {}
    assert s.scheduled(topic).empty


def test_rows_of_another_topic_remove_nothing(s: Session, nats_server: NatsServer, filled: Filled) -> None:
    topic, stream = filled
    other = topic.replace(".mine", ".other")
    with pytest.raises(bk.ConfigError, match="not only of"):
        s.purge(topic, rows=s.peek(other), confirm=topic)
    assert left(nats_server, stream) == {"other": 10, "mine": 10}


@pytest.mark.parametrize(
    ("denied", "how"), [("deny_purge", {}), ("deny_purge", {"before": 1}), ("deny_delete", {"where": "x"})]
)
def test_a_stream_that_denies_it_is_named(
    s: Session, nats_server: NatsServer, subject: str, denied: str, how: dict[str, Any]
) -> None:
    topic, name = f"denied.{subject}.denied", f"denied-{subject}"

    async def make() -> None:
        client = await nats.connect(nats_server.url)
        try:
            await client.jetstream().add_stream(name=name, subjects=[topic], **{denied: True})
        finally:
            await client.close()

    asyncio.run(make())
    s.publish(topic, "x")
    with pytest.raises(bk.NotSupported, match=denied):
        s.purge(topic, **how, confirm=topic)
    assert left(nats_server, name) == {"denied": 1}
