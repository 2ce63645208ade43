"""Dead letters of Pub/Sub: taken from a subscription of the topic that a policy names."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import brokerkit as bk
from brokerkit.command_line import commands
from brokerkit.core import ConnectedPublisher, OutboundMessage
from brokerkit.sandbox.pubsub import EmulatorServer
from brokerkit.session.operate import taken_source
from brokerkit.session.operate.receipts import MoveWarning
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

from .conftest import PROJECT, new_name, url_of


@pytest.fixture
def s(pubsub_emulator: EmulatorServer) -> Iterator[Session]:
    with bk.connect(url_of(pubsub_emulator)) as session:
        yield session


def failed(s: Session, count: int) -> tuple[str, str]:
    """A topic whose subscription gave up all of its messages, and the topic that holds them."""
    topic, letters = new_name(), new_name()
    s.create_topic(topic)
    s.create_topic(letters)
    s.create_subscription(letters, f"{letters}-work")
    # the emulator forwards none of a subscription with ordering
    options = {"dead_letter_topic": letters, "max_delivery_attempts": 5, "ordering": False}
    s.create_subscription(topic, f"{topic}-billing", **options)
    s.publish_batch(topic, [OutboundMessage(str(n), None, {"own": "1"}) for n in range(count)])
    with s.consumer(topic, f"{topic}-billing") as consumer:

        def given_up() -> bool:
            for each in consumer.next_batch(count, 0.5):
                each.nack()
            return len(s.dead_letters(topic, side_effects="give back")) == count

        eventually(given_up, "all are dead letters", within=90)
    return topic, letters


@pytest.mark.timeout(180)
def test_a_dead_letter_goes_back_to_its_topic_and_is_acknowledged(s: Session) -> None:
    topic, letters = failed(s, 6)
    with pytest.raises(bk.NotSupported, match="give back"):
        s.dead_letters(topic)
    found = s.dead_letters(topic, side_effects="give back")
    assert set(found["origin_subscription"]) == {f"{topic}-billing"}
    assert set(found["origin_topic"]) == {topic}
    assert set(found["topic"]) == {letters}
    mended = found.iloc[:2].copy()
    mended["value"] = "mended"
    assert s.redrive(mended, confirm=topic, progress=False)["removed"].all()
    receipts = s.redrive(topic, confirm=topic, progress=False)
    assert receipts.counts == {"confirmed": 4, "failed": 0, "unknown": 0}
    assert s.dead_letters(topic, side_effects="give back").empty
    client = s.native.subscriber
    work = client.subscription_path(PROJECT, f"{letters}-work")
    asked = {"subscription": work, "max_messages": 10, "return_immediately": True}
    with pytest.warns(DeprecationWarning, match="return_immediately"):
        assert not client.pull(request=asked).received_messages, "as Google's client says"
    again = s.pull(topic, 6, subscription=f"{topic}-billing", timeout=60, idle=20)
    assert sorted(again["value"])[4:] == ["mended", "mended"]
    names = {each["name"] for each in again["attributes"].iloc[0]}
    assert names == {"own", "bk-redriven", "bk-redrive-id"}


@pytest.mark.extended
@pytest.mark.timeout(300)
def test_a_plan_takes_the_messages_and_gives_them_back(s: Session, pubsub_emulator: EmulatorServer) -> None:
    topic, work = new_name(), new_name()
    s.create_topic(topic)
    s.create_topic(f"{topic}-dlq")
    s.create_subscription(f"{topic}-dlq", work)
    s.publish_batch(f"{topic}-dlq", ["a", "b", "c"])
    with pytest.raises(bk.NotSupported, match="give back"):
        s.redrive(topic, through=work, dry_run=True)
    with pytest.raises(bk.ConfigError, match="for dry_run=True"):
        s.redrive(topic, through=work, side_effects="give back", confirm=topic)

    def planned() -> bool:
        plan = s.redrive(topic, through=work, dry_run=True, side_effects="give back")
        assert set(plan["target"]) <= {topic}
        return len(plan) == 3

    eventually(planned, "all are planned", within=90)
    given = ["--through", work, "--give-back"]
    for command in (["dead-letters", topic], ["redrive", topic, "--dry-run"]):

        def printed(command: list[str] = command) -> bool:
            shown = CliRunner().invoke(
                commands, ["-c", url_of(pubsub_emulator), "-o", "jsonl", *command, *given]
            )
            assert shown.exit_code == 0, shown.output
            return shown.stdout.count("\n") == 3

        eventually(printed, "all are printed", within=90)


def test_a_topic_without_a_policy_says_so(s: Session) -> None:
    topic = new_name()
    s.create_topic(topic)
    with pytest.raises(bk.NotFound, match="no topic holds dead letters"):
        s.dead_letters(topic, side_effects="give back")
    s.create_topic(f"{topic}-dlq")
    with pytest.raises(bk.NotSupported, match="through=NAME"):
        s.redrive(topic, confirm=topic)


@pytest.mark.extended
@pytest.mark.timeout(180)
def test_what_another_consumer_holds_is_not_taken_for_redriven(
    s: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, letters = failed(s, 4)
    again = {"confirm": topic, "journal": tmp_path / "journal", "progress": False}

    def killed(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ConnectedPublisher, "send", killed)
        with pytest.raises(bk.Interrupted):
            s.redrive(topic, **again)
    found = s.dead_letters(topic, side_effects="give back")
    with s.consumer(letters, f"{letters}-work") as consumer:
        held = consumer.next_batch(4, 20)
        assert len(held) == 4
        with monkeypatch.context() as patch:
            patch.setattr(taken_source, "NAMED_SECONDS", 1.0)
            with pytest.warns(MoveWarning, match="asked for did not come in time"):
                receipts = s.redrive(topic, **again)
            assert receipts.counts == {"confirmed": 0, "failed": 0, "unknown": 4}
            assert not receipts["removed"].any()
            with pytest.warns(MoveWarning, match="asked for did not come in time"):
                receipts = s.redrive(found, confirm=topic, progress=False)
            assert all("another consumer holds it, or" in each for each in receipts["error"])
            assert not receipts["removed"].any()
            plan = s.redrive(found, dry_run=True, side_effects="give back")
            assert all("another consumer holds it, or" in each for each in plan["error"])
        # named messages are waited for, longer than for another one of an open-ended read
        giving_back = threading.Timer(2 * taken_source.IDLE_SECONDS, lambda: [each.nack() for each in held])
        giving_back.start()
        receipts = s.redrive(topic, **again)
        giving_back.join()
    assert receipts.counts == {"confirmed": 4, "failed": 0, "unknown": 0}
    assert len(s.pull(topic, 4, subscription=f"{topic}-billing", timeout=60, idle=20)) == 4
