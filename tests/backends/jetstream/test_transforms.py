"""Streams that store under other subjects than those published to: transforms, republishing, copies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import nats
import pytest

import brokerkit as bk
from brokerkit.backends.jetstream.transforms import Transform, disjoint
from brokerkit.core import ConfigError, NotFound, PublishFailed
from brokerkit.sandbox.nats import NatsServer
from brokerkit.testing import eventually
from brokerkit.workbench import Session

_numbers = count(1)


@pytest.fixture
def session(nats_server: NatsServer) -> Iterator[Session]:
    with bk.connect(nats_server.url) as opened:
        yield opened


@pytest.fixture
def name() -> str:
    """What the subjects and streams of one test begin with."""
    return f"tr{next(_numbers)}"


def make(server: NatsServer, stream: str, **config: Any) -> None:
    """Create a stream as only another client can."""

    async def create() -> None:
        client = await nats.connect(server.url)
        body = json.dumps({"name": stream, "storage": "memory", **config}).encode()
        answer = json.loads((await client.request(f"$JS.API.STREAM.CREATE.{stream}", body, timeout=60)).data)
        await client.close()
        assert "error" not in answer, answer

    asyncio.run(create())


def moved(server: NatsServer, name: str, source: str, destination: str, subjects: str | None = None) -> None:
    transform = {"src": f"{name}.{source}", "dest": f"{name}.{destination}"}
    make(server, name, subjects=[f"{name}.{subjects or source}"], subject_transform=transform)


@pytest.mark.broker
def test_published_messages_are_found_under_both_names(
    nats_server: NatsServer, session: Session, name: str
) -> None:
    moved(nats_server, name, "ta.>", "tb.>")
    session.publish(f"{name}.ta.x", "1")
    session.publish(f"{name}.ta.y", "2")
    for topic in (f"{name}.ta.x", f"{name}.tb.x"):
        assert session.peek(topic)["value"].tolist() == ["1"]
        assert session.peek(topic)["topic"].tolist() == [f"{name}.tb.x"]
        assert session.scan(topic).to_pandas()["value"].tolist() == ["1"]
        described = session.describe(topic)
        assert described.messages == 1
        assert described.details["subject_transform"] == {"src": f"{name}.ta.>", "dest": f"{name}.tb.>"}
    assert session.describe(f"{name}.ta.x").details["stored_as"] == [f"{name}.tb.x", f"{name}.ta.x"]
    for topic in (f"{name}.ta.>", f"{name}.tb.>", f"{name}.ta.*", f"stream:{name}"):
        assert session.peek(topic)["value"].tolist() == ["1", "2"]
    listed = session.topics().set_index("topic")
    assert listed.loc[f"{name}.tb.x", "messages"] == 1
    assert f"{name}.ta.>" not in listed.index


@pytest.mark.broker
def test_it_is_pulled_and_copied_under_both_names(
    nats_server: NatsServer, session: Session, name: str
) -> None:
    moved(nats_server, name, "ta.>", "tb.>")
    for number in range(3):
        session.publish(f"{name}.ta.x", str(number))
    session.publish(f"{name}.ta.other", "other")
    first = session.pull(f"{name}.ta.x", 10, subscription="a", start="earliest")
    again = session.pull(f"{name}.tb.x", 10, subscription="b", start="earliest")
    assert first["value"].tolist() == again["value"].tolist() == ["0", "1", "2"]
    session.publish(f"{name}.ta.x", "3")
    assert session.pull(f"{name}.ta.x", 10, subscription="b")["value"].tolist() == ["3"]
    with bk.connect("inmem://") as other:
        other.create_topic("copy")
        session.copy(f"{name}.ta.x", other, "copy", progress=False)
        assert other.peek("copy")["value"].tolist() == ["0", "1", "2", "3"]
    tail = session.tail(f"{name}.ta.x", start="earliest")
    eventually(lambda: len(tail.frame) == 4, "the tail shows all of it", within=60)
    tail.close()


@pytest.mark.broker
@pytest.mark.parametrize(
    ("source", "destination", "published", "stored"),
    [
        ("a.*.*", "b.{{wildcard(2)}}.{{wildcard(1)}}", "a.one.two", "b.two.one"),
        ("a.*.*", "b.$2.x.$1", "a.one.two", "b.two.x.one"),
        ("a.*", "p.{{partition(5,1)}}.{{wildcard(1)}}", "a.hello", "p.3.hello"),
        ("a.*.>", "b.$1.deep.>", "a.one.two.three", "b.one.deep.two.three"),
    ],
)
def test_tokens_are_followed_to_where_they_go(
    nats_server: NatsServer,
    session: Session,
    name: str,
    source: str,
    destination: str,
    published: str,
    stored: str,
) -> None:
    moved(nats_server, name, source, destination)
    session.publish(f"{name}.{published}", "here")
    for each in (published, stored):
        frame = session.peek(f"{name}.{each}")
        assert (frame["value"].tolist(), frame["topic"].tolist()) == (["here"], [f"{name}.{stored}"])


@pytest.mark.broker
def test_a_transform_of_some_of_the_subjects_leaves_the_others_where_they_are(
    nats_server: NatsServer, session: Session, name: str
) -> None:
    moved(nats_server, name, "a.one.*", "b.$1", subjects="a.>")
    session.publish(f"{name}.a.one.x", "1")
    session.publish(f"{name}.a.two.x", "2")
    assert session.peek(f"{name}.a.one.x")["value"].tolist() == ["1"]
    assert session.peek(f"{name}.a.two.x")["value"].tolist() == ["2"]
    frame = session.peek(f"{name}.a.>")
    assert frame["topic"].tolist() == [f"{name}.b.x", f"{name}.a.two.x"]


@pytest.mark.broker
def test_merged_subjects_are_refused_with_the_place_to_look(
    nats_server: NatsServer, session: Session, name: str
) -> None:
    moved(nats_server, name, "a.*", "all")
    session.publish(f"{name}.a.x", "1")
    session.publish(f"{name}.a.y", "2")
    with pytest.raises(ConfigError, match=rf"look at '{name}.all'"):
        session.peek(f"{name}.a.x")
    for topic in (f"{name}.all", f"{name}.a.*"):
        assert session.peek(topic)["value"].tolist() == ["1", "2"]


@pytest.mark.broker
def test_a_subject_that_splits_into_several_tokens_is_looked_at_as_a_whole(
    nats_server: NatsServer, session: Session, name: str
) -> None:
    moved(nats_server, name, "a.*", "s.{{split(1,-)}}")
    session.publish(f"{name}.a.b-c-d", "1")
    assert session.peek(f"{name}.a.*")["topic"].tolist() == [f"{name}.s.b.c.d"]
    assert session.peek(f"{name}.s.b.c.d")["value"].tolist() == ["1"]
    with pytest.raises(ConfigError, match=rf"look at '{name}.s.>'"):
        session.peek(f"{name}.a.b-c-d")


@pytest.mark.broker
def test_publishing_to_the_stored_name_is_refused_with_the_reason(
    nats_server: NatsServer, session: Session, name: str
) -> None:
    moved(nats_server, name, "ta.>", "tb.>")
    with pytest.raises(PublishFailed, match=rf"stores there what is published to '{name}.ta.>'"):
        session.publish(f"{name}.tb.x", "1")


@pytest.mark.broker
def test_a_republished_subject_says_where_its_messages_are(
    nats_server: NatsServer, session: Session, name: str
) -> None:
    republish = {"src": f"{name}.ra.>", "dest": f"{name}.rb.>"}
    make(nats_server, name, subjects=[f"{name}.ra.>"], republish=republish)
    session.publish(f"{name}.ra.x", "1")
    with pytest.raises(NotFound, match=f"republishes its messages there.*stream:{name}"):
        session.peek(f"{name}.rb.x")
    assert session.describe(f"{name}.ra.x").details["republish"] == republish
    make(nats_server, f"{name}-copies", subjects=[f"{name}.rb.>"])
    session.publish(f"{name}.ra.x", "2")
    frame = session.peek(f"{name}.rb.x")
    assert frame["value"].tolist() == ["2"]
    assert bk.attr(frame, "Nats-Sequence").tolist() == ["2"]
    assert len(session.peek(f"{name}.rb.x", header="Nats-Sequence")) == 1
    # what the server said of it does not keep it from being sent again
    outcome = session.publish_frame(f"{name}.ra.x", frame, progress=False)
    assert outcome["status"].tolist() == ["confirmed"]
    assert bk.attr(session.peek(f"{name}.ra.x", 1), "bk-Nats-Sequence").tolist() == ["2"]


@pytest.mark.broker
def test_mirrors_and_sources_with_transforms_are_found_by_what_they_store(
    nats_server: NatsServer, session: Session, name: str
) -> None:
    make(nats_server, name, subjects=[f"{name}.o.>"])
    make(
        nats_server,
        f"{name}-m",
        mirror={"name": name, "subject_transforms": [{"src": f"{name}.o.>", "dest": f"{name}.m.>"}]},
    )
    transforms = [
        {"src": f"{name}.o.x.*", "dest": f"{name}.sx.$1"},
        {"src": f"{name}.o.y.>", "dest": f"{name}.sy.>"},
    ]
    make(nats_server, f"{name}-s", sources=[{"name": name, "subject_transforms": transforms}])
    session.publish(f"{name}.o.x.1", "x")
    session.publish(f"{name}.o.y.2", "y")
    for topic, value in ((f"{name}.m.x.1", "x"), (f"{name}.sx.1", "x"), (f"{name}.sy.2", "y")):

        def there(topic: str = topic) -> list[str]:
            try:
                return list(session.peek(topic)["value"])
            except NotFound:
                # not copied yet
                return []

        assert eventually(there, f"{topic} is found", within=60) == [value]
        assert session.pull(topic, 5, subscription=f"c{value}", start="earliest")["value"].tolist() == [value]


def test_a_transform_is_followed_for_wildcards_and_partitions() -> None:
    moves = Transform("a.*.*", "b.{{wildcard(2)}}.$1")
    assert moves.mapped("a.x.*").pattern == "b.*.x"
    assert moves.mapped("a.x.*").exact
    assert moves.mapped(">").pattern == "b.*.*"
    assert moves.mapped(">").exact
    parts = Transform("a.*", "b.{{partition(5,1)}}")
    assert (parts.mapped("a.hello").pattern, parts.mapped("a.hello").exact) == ("b.3", False)
    assert parts.mapped("a.*").pattern == "b.*"
    assert Transform("a.>", "b.>").mapped("a.x.>").pattern == "b.x.>"
    assert Transform(">", "p.>").mapped("q").pattern == "p.q"
    assert not disjoint(["a.*", "*.b"])
