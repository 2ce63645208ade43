"""Dead letters of Pub/Sub: taken from a subscription of the topic that a policy names."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import brokerkit as bk
from brokerkit.backends.pubsub.consumer import PubSubConsumer
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


@pytest.mark.extended
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


@pytest.mark.extended
@pytest.mark.timeout(300)
def test_what_one_session_gave_back_is_there_for_the_next(pubsub_emulator: EmulatorServer) -> None:
    topic, work = new_name(), new_name()
    with bk.connect(url_of(pubsub_emulator)) as first:
        first.create_topic(topic)
        first.create_topic(f"{topic}-dlq")
        first.create_subscription(f"{topic}-dlq", work)
        first.publish_batch(f"{topic}-dlq", ["a", "b", "c"])

    def planned() -> int:
        with bk.connect(url_of(pubsub_emulator)) as session:
            return len(session.redrive(topic, through=work, dry_run=True, side_effects="give back"))

    # a message that comes late is away until its deadline ends, so a busy machine may need a second turn
    eventually(lambda: [planned(), planned(), planned()] == [3, 3, 3], "each sees all", within=200)


def test_a_topic_without_a_policy_says_so(s: Session) -> None:
    topic = new_name()
    s.create_topic(topic)
    with pytest.raises(bk.NotFound, match="no topic holds dead letters"):
        s.dead_letters(topic, side_effects="give back")
    s.create_topic(f"{topic}-dlq")
    with pytest.raises(bk.NotSupported, match="through=NAME"):
        s.redrive(topic, confirm=topic)


def _filled(s: Session, **options: Any) -> tuple[str, str, pd.DataFrame]:
    """Make two topics with a subscription each, and show six messages of two keys in the first."""
    topic, aside = new_name(), new_name()
    for each in (topic, aside):
        s.create_topic(each)
        s.create_subscription(each, f"{each}-work", **options)
    s.publish_batch(topic, [bk.OutboundMessage(str(number), f"k{number % 2}") for number in range(6)])
    shown = s.peek(topic, 6, subscription=f"{topic}-work", side_effects="give back")
    return topic, aside, shown.sort_values("value", ignore_index=True)


def _left(s: Session, topic: str, count: int) -> list[str]:
    return sorted(s.pull(topic, count, subscription=f"{topic}-work", timeout=20)["value"])


def test_chosen_messages_are_moved_and_the_others_stay(s: Session) -> None:
    topic, aside, shown = _filled(s, ordering=False)
    chosen = shown[shown["value"].isin(["1", "4"])]
    with pytest.raises(bk.NotSupported, match="give back"):
        s.move(chosen, aside, dry_run=True)
    with pytest.raises(bk.ConfigError, match="for dry_run=True"):
        s.move(chosen, aside, side_effects="give back", confirm=topic)
    plan = s.move(chosen, aside, dry_run=True, side_effects="give back")
    assert (sorted(plan["source_id"]), set(plan["target"])) == (sorted(chosen["id"]), {aside})
    assert plan["error"].isna().all()
    receipts = s.move(chosen, aside, confirm=topic, progress=False)
    assert (sorted(receipts["source_id"]), set(receipts["status"])) == (sorted(chosen["id"]), {"confirmed"})
    assert receipts["removed"].all()
    assert _left(s, aside, 2) == ["1", "4"]
    assert _left(s, topic, 4) == ["0", "2", "3", "5"]


@pytest.mark.extended
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "readable", [True, pytest.param(False, id="an account that may not read the configuration")]
)
def test_what_would_be_redelivered_after_an_earlier_one_of_its_key_is_not_moved(
    s: Session, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    """An ordered subscription delivers the later ones of a key again, with those that were acknowledged."""
    if not readable:
        find = PubSubConsumer._find
        monkeypatch.setattr(PubSubConsumer, "_find", lambda consumer: (find(consumer)[0], None))
    topic, aside, shown = _filled(s)
    chosen = shown[shown["value"].isin(["1", "4"])]
    plan = s.move(chosen, aside, dry_run=True, side_effects="give back")
    assert list(plan[plan["error"].notna()]["source_id"]) == [shown["id"][4]]
    receipts = s.move(chosen, aside, confirm=topic, progress=False)
    assert receipts.counts == {"confirmed": 1, "failed": 1, "unknown": 0}
    (refused,) = receipts[receipts["status"] == "failed"].itertuples()
    assert (refused.source_id, refused.removed) == (shown["id"][4], False)
    assert "an earlier message of its key stays" in refused.error
    assert _left(s, aside, 1) == ["1"]
    whole = shown[shown["value"].isin(["0", "2", "4"])]
    assert s.move(whole, aside, confirm=topic, progress=False)["removed"].all()
    assert _left(s, aside, 3) == ["0", "2", "4"]
    assert _left(s, topic, 2) == ["3", "5"]


@pytest.mark.timeout(180)
def test_what_follows_a_message_that_could_not_be_moved_is_not_said_to_be_removed(s: Session) -> None:
    topic, aside, shown = _filled(s)
    edited = shown[shown["value"].isin(["0", "2"])].copy()
    edited.loc[0, "value"] = "x" * 11_000_000
    receipts = s.move(edited, aside, confirm=topic, progress=False).sort_values("status", ignore_index=True)
    assert list(receipts["status"]) == ["confirmed", "failed"]
    assert not receipts["removed"].any()
    assert "deliver what follows again" in receipts["error"][0]
    assert _left(s, topic, 6) == ["0", "1", "2", "3", "4", "5"]


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
