"""Operating consumers on the real server, with the state asked of nats-py."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import nats
import pytest
from nats.js.api import ConsumerConfig, DeliverPolicy

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


def asked(server: NatsServer, stream: str, consumer: str) -> tuple[int, int, int]:
    """The next sequence, the pending and the unacknowledged messages, as nats-py says."""

    async def ask() -> tuple[int, int, int]:
        client = await nats.connect(server.url)
        try:
            info = await client.jetstream().consumer_info(stream, consumer)
        finally:
            await client.close()
        assert info.ack_floor is not None
        return info.ack_floor.stream_seq + 1, info.num_pending or 0, info.num_ack_pending or 0

    return asyncio.run(ask())


@pytest.fixture
def resets(s: Session) -> None:
    why = s.capabilities.lacks.get("reset")
    if why is not None:
        pytest.skip(why)


@pytest.mark.usefixtures("resets")
@pytest.mark.parametrize(
    ("to", "place", "lag"),
    [("earliest", 1, 10), ("latest", 21, 0), (10, 10, 6), (-3, 16, 3), ("-1h", 2, 10)],
)
def test_a_reset_lands_where_the_plan_said(
    s: Session, nats_server: NatsServer, filled: Filled, to: Any, place: int, lag: int
) -> None:
    topic, stream = filled
    s.create_subscription(topic, "me", start="earliest")
    s.pull(topic, 4, subscription="me")
    before = asked(nats_server, stream, "me")
    assert before[1] == 6
    plan = s.reset(topic, "me", to, dry_run=True)
    assert [(r["before"], r["after"], r["lag_after"]) for r in plan.to_dict("records")] == [
        (before[0], place, lag)
    ]
    assert asked(nats_server, stream, "me") == before
    done = s.reset(topic, "me", to, confirm="me")
    assert list(done["status"]) == ["done"]
    assert asked(nats_server, stream, "me") == (place, lag, 0)
    undone = s.undo(done, confirm="me")
    assert asked(nats_server, stream, "me") == before
    s.undo(undone, confirm="me")
    assert asked(nats_server, stream, "me") == (place, lag, 0)
    got = s.pull(topic, 50, subscription="me", timeout=60 if lag else 1)
    assert len(got) == lag


@pytest.mark.usefixtures("resets")
@pytest.mark.parametrize("to", ["a datetime", "a text", "an hour ago", "in an hour", "a sequence"])
def test_a_reset_lands_where_the_client_library_begins(
    s: Session, nats_server: NatsServer, filled: Filled, to: str
) -> None:
    topic, stream = filled
    s.create_subscription(topic, "me", start="earliest")
    s.pull(topic, 4, subscription="me")
    row = s.peek(topic, 10, start="earliest").iloc[6]
    moment = row["publish_time"].to_pydatetime()
    hours = {"an hour ago": -1, "in an hour": 1}.get(to, 0)
    target: Any = {"a text": moment.isoformat(), "a sequence": int(row["offset"])}.get(
        to, moment + timedelta(hours=hours)
    )
    begins = {"opt_start_seq": int(row["offset"])}
    if to != "a sequence":
        begins = {"opt_start_time": (moment + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")}

    async def first_of_a_new_consumer() -> tuple[int | None, int]:
        client = await nats.connect(nats_server.url)
        try:
            policy = "by_start_sequence" if to == "a sequence" else "by_start_time"
            config = ConsumerConfig(deliver_policy=DeliverPolicy(policy), filter_subject=topic, **begins)
            twin = await client.jetstream().pull_subscribe(topic, stream=stream, config=config)
            left = (await twin.consumer_info()).num_pending or 0
            first = (await twin.fetch(1, 5))[0].metadata.sequence.stream if left else None
        finally:
            await client.close()
        return first, left

    first, left = asyncio.run(first_of_a_new_consumer())
    plan = s.reset(topic, "me", target, dry_run=True)
    done = s.reset(topic, "me", target, confirm="me")
    assert list(done["status"]) == ["done"]
    assert asked(nats_server, stream, "me") == (plan["after"].iloc[0], left, 0)
    if first is not None:
        got = s.pull(topic, 50, subscription="me", timeout=3)
        assert (got["offset"].iloc[0], len(got)) == (first, left)


@pytest.mark.usefixtures("resets")
def test_late_acknowledgements_are_named_in_the_plan(
    s: Session, nats_server: NatsServer, filled: Filled
) -> None:
    topic, stream = filled
    s.create_subscription(topic, "me", start="earliest")
    with s.consumer(topic, "me") as worker:
        held = list(worker.next_batch(3, 5))
        plan = s.reset(topic, "me", "earliest", dry_run=True)
        (said,) = [note for note in plan.attrs["brokerkit"]["notes"] if "in flight" in note]
        assert "late acknowledgement" in said
        _, _, in_flight = asked(nats_server, stream, "me")
        assert said.startswith(f"{in_flight} messages are in flight")
        for each in held:
            each.nack()


@pytest.mark.usefixtures("resets")
@pytest.mark.parametrize("start", ["latest", 10])
def test_a_consumer_that_begins_later_is_refused_with_the_reason(
    s: Session, nats_server: NatsServer, filled: Filled, start: Any
) -> None:
    topic, stream = filled
    s.create_subscription(topic, "me", start=start)
    before = asked(nats_server, stream, "me")
    with pytest.raises(bk.NotSupported, match=r"deliver_policy|opt_start_seq") as refused:
        s.reset(topic, "me", 3, confirm="me")
    assert "create_subscription(" in str(refused.value)
    assert asked(nats_server, stream, "me") == before


@pytest.mark.usefixtures("resets")
def test_a_sequence_after_the_end_and_an_unknown_consumer_are_refused(s: Session, filled: Filled) -> None:
    topic, _ = filled
    s.create_subscription(topic, "me", start="earliest")
    with pytest.raises(bk.ConfigError, match="999 lies outside the topic, which has 1 up to 21"):
        s.reset(topic, "me", 999, confirm="me")
    with pytest.raises(bk.NotFound, match="no partition 0: the topic has no partitions"):
        s.reset(topic, "me", {0: 10}, confirm="me")
    with pytest.raises(bk.NotFound, match="no consumer 'none'"):
        s.reset(topic, "none", "latest", confirm="none")


def test_what_an_older_server_cannot_do_is_said_with_the_nearest_thing(
    nats_server: NatsServer, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brokerkit.backends.jetstream.operating.RESETS_SINCE", (99, 0))
    with bk.connect(nats_server.url) as session:
        session.create_subscription(filled[0], "me", start="earliest")
        assert "cannot move a consumer" in session.capabilities.lacks["reset"]
        for how in ({"dry_run": True}, {"confirm": "me"}):
            with pytest.raises(bk.NotSupported, match="create it again with start="):
                session.reset(filled[0], "me", "earliest", **how)


def test_a_list_has_each_consumer_once_with_what_it_reads(
    s: Session, nats_server: NatsServer, filled: Filled
) -> None:
    topic, stream = filled
    s.create_subscription(topic, "mine", start="earliest")
    s.create_subscription(f"stream:{stream}", "all", start="earliest")
    s.create_subscription(f"stream:{stream}", "two", start="earliest", filter_subjects=[topic, f"{topic}x"])
    s.pull(topic, 4, subscription="mine")
    found = s.subscriptions(topic).set_index("subscription")
    assert found["topic"].to_dict() == {
        "mine": topic, "all": f"stream:{stream}", "two": f"stream:{stream}",
    }  # fmt: skip
    assert found["lag"].to_dict() == {"mine": 6, "all": 20, "two": 10}
    everywhere = s.subscriptions()
    of_topic = everywhere["topic"] == topic
    assert list(everywhere["subscription"][of_topic]) == ["mine"]
    for name in ("mine", "all", "two"):
        assert found["lag"][name] == sum(asked(nats_server, stream, name)[1:])
    assert found["last_active"].isna().to_dict() == {"mine": False, "all": True, "two": True}
    described = s.describe_subscription("mine", topic=topic)
    assert described.settings["filter"] == [topic]
    assert "ack_wait_seconds: 30 seconds" in repr(described)


def test_a_deleted_consumer_is_gone(s: Session, nats_server: NatsServer, filled: Filled) -> None:
    topic, stream = filled
    s.create_subscription(topic, "me", start="earliest")
    s.delete_subscription(topic, "me", confirm="me")
    with pytest.raises(nats.js.errors.NotFoundError):
        asked(nats_server, stream, "me")
    with pytest.raises(bk.NotFound):
        s.delete_subscription(topic, "me", confirm="me")


def test_a_description_of_a_topic_has_the_limits_and_subjects_of_its_stream(
    s: Session, nats_server: NatsServer
) -> None:
    name = f"limits{uuid.uuid4().hex[:6]}"
    s.create_topic(f"{name}.>", max_age=604_800, max_bytes=10_000_000, storage="memory")
    s.publish(f"{name}.a", "x")
    settings = s.describe(f"{name}.>").settings.set_index("setting")
    assert settings["text"]["max_age_seconds"] == "7 days"
    assert settings["text"]["max_bytes"] == "10 MB"
    assert settings["text"]["max_msgs"] == "unlimited"
    assert settings["text"]["subjects"] == f"{name}.>"
    changed = settings["changed"].fillna(False)
    assert sorted(changed[changed].index) == ["max_age_seconds", "max_bytes", "storage"]
