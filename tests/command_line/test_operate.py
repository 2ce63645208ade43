"""The commands that operate and compare: in memory for every form, on real servers for every verb."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import brokerkit as bk
from brokerkit.backends.inmem.dead_letters import InmemDeadLetters
from brokerkit.command_line import commands
from brokerkit.command_line.output import exiting
from brokerkit.core import OutboundMessage
from brokerkit.workbench import Session

from .test_program import broker, environment, run

__all__ = ["broker", "environment", "run"]
URL = "inmem://operated-from-the-command-line"
Here = Callable[..., Result]


@pytest.fixture
def shop() -> Iterator[Session]:
    """Twelve orders in two partitions; a group has read four, and a subscription rejected three."""
    with bk.connect(URL) as s:
        s.create_topic("orders", partitions=2)
        s.create_topic("orders-dlq")
        s.create_subscription("orders", "billing", start="earliest", dead_letter_topic="orders-dlq")
        s.create_subscription("orders", "audit", model="record", start="earliest")
        s.publish_batch("orders", [OutboundMessage(b'{"id": %d}' % n, b"k%d" % n) for n in range(12)])
        with s.consumer("orders", "billing") as consumer:
            for each in consumer.next_batch(3, 5):
                each.reject(reason="BadCard")
        s.pull("orders", 4, subscription="audit", model="record")
        yield s
        for topic in ("orders", "orders-dlq"):
            s.delete_topic(topic, confirm=topic)


@pytest.fixture
def here(shop: Session) -> Here:
    """Run a command in this process, where the broker in memory is, and check its exit code."""

    def called(*arguments: str, code: int = 0, output: str = "jsonl") -> Result:
        def main() -> None:
            with (
                exiting(),
                commands.make_context("brokerkit", ["-c", URL, "-o", output, *arguments]) as context,
            ):
                commands.invoke(context)

        runner = CliRunner()
        with runner.isolation() as (out, err, _):
            ended = 0
            try:
                main()
            except SystemExit as end:
                ended = int(end.code or 0)
            said = out.getvalue(), err.getvalue()
        assert ended == code, said
        return Result(runner, said[0], said[1], b"", None, ended, None)

    return called


def rows(result: Any) -> list[dict[str, Any]]:
    data = result.stdout_bytes if hasattr(result, "stdout_bytes") else result.stdout
    return [json.loads(line) for line in data.splitlines()]


def test_a_purge_shows_its_plan_needs_the_name_and_says_what_became_of_it(shop: Session, here: Here) -> None:
    plan = here("purge", "orders", "--before", "-1h", "--dry-run")
    assert [row["messages"] for row in rows(plan)] == [0, 0]
    plan = here("purge", "orders", "--keep", "2", "--dry-run")
    assert sum(row["messages"] for row in rows(plan)) == 8
    assert "not settled yet by audit, billing" in plan.stderr
    assert "--dry-run and type the name again: --confirm orders" in here("purge", "orders", code=2).stderr
    assert len(shop.peek("orders")) == 12
    assert {row["status"] for row in rows(here("purge", "orders", "--keep", "2", "--confirm", "orders"))} == {
        "done"
    }
    assert len(shop.peek("orders")) == 4
    single = here("purge", "orders", "--where", '"id": 11', "--confirm", "orders", output="csv")
    assert list(pd.read_csv(io.BytesIO(single.stdout_bytes))["status"]) == ["removed"]
    here("purge", "none", "--dry-run", code=3)
    here("--read-only", "purge", "orders", "--confirm", "orders", code=6)


@pytest.mark.extended
def test_dead_letters_are_counted_and_sent_again(shop: Session, here: Here) -> None:
    (counted,) = rows(here("dead-letters", "orders", "--by", "reason"))
    assert (counted["reason"], counted["count"]) == ("BadCard", 3)
    assert len(rows(here("dead-letters", "orders", "--limit", "2"))) == 2
    assert "BadCard" in here("dead-letters", "orders", output="table").stdout
    assert len(rows(here("redrive", "orders", "--dry-run"))) == 3
    here("redrive", "orders", code=2)
    assert len(shop.dead_letters("orders")) == 3
    done = rows(here("redrive", "orders", "--limit", "2", "--confirm", "orders"))
    assert [row["status"] for row in done] == ["confirmed"] * 2
    assert len(shop.dead_letters("orders")) == 1
    assert len(shop.peek("orders")) == 14


def test_a_redrive_that_leaves_an_original_where_it_is_ends_with_a_code(
    shop: Session, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(driver: InmemDeadLetters, place: object, ids: Sequence[str], timeout: float) -> list[Any]:
        return [bk.Unauthorized("it may not be deleted")] * len(ids)

    with monkeypatch.context() as patch:
        patch.setattr(InmemDeadLetters, "remove", refused)
        (row,) = rows(here("redrive", "orders", "--limit", "1", "--confirm", "orders", code=7))
    assert (row["status"], row["removed"]) == ("confirmed", False)


@pytest.mark.extended
def test_lag_is_printed_once_or_over_time(shop: Session, here: Here) -> None:
    assert sum(row["lag"] for row in rows(here("lag", "audit"))) == 8
    waiting = here(
        "lag", "audit", "--every", "0.1", "--seconds", "0.25", "--until", "0", code=7, output="table"
    )
    assert "lag 8 → 8" in waiting.stderr
    shop.pull("orders", 8, subscription="audit", model="record")
    assert sum(row["lag"] for row in rows(here("lag", "audit", "--every", "0.1", "--until", "0"))) == 0
    parquet = here("lag", "audit", output="parquet")
    assert pd.read_parquet(io.BytesIO(parquet.stdout_bytes))["lag"].sum() == 0
    here("lag", "none", code=3)
    here("lag", "audit", "--until", "0", code=2)


@pytest.mark.extended
def test_a_watch_prints_the_first_match_or_says_that_none_came(shop: Session, here: Here) -> None:
    (found,) = rows(here("watch", "orders", "--where", '"id": 7', "--start", "earliest", "--seconds", "5"))
    assert json.loads(found["value"]) == {"id": 7}
    assert "no message came" in here("watch", "orders", "--where", "x", "--seconds", "0.2", code=3).stderr


def test_topics_are_compared_and_profiled(shop: Session, here: Here) -> None:
    shop.create_topic("copy")
    shop.copy("orders", shop, "copy", progress=False)
    assert "12 same" in here("diff", "orders", "copy").stderr
    shop.publish("copy", {"id": 5, "new": None}, key="k5")
    assert [row["change"] for row in rows(here("diff", "orders", "copy", code=8))] == ["added"]
    assert rows(here("diff", "orders", "copy", "--on", "value.id", "--ignore", "value.*", code=8))
    found = {row["field"]: row for row in rows(here("profile", "copy", "--against", "orders"))}
    assert found["value.new"]["drift"] == "new"
    assert found["value.id"]["types"] == "integer 13"
    assert "fields of 12 rows" in here("profile", "orders", "--end", "latest", output="table").stderr
    here("diff", "orders", "none", code=3)
    shop.delete_topic("copy", confirm="copy")


@pytest.mark.broker
def test_the_verbs_work_on_real_servers(broker: tuple[str, str], run: Any) -> None:
    url, topic = broker
    other = f"{topic}-copy-{time.time_ns()}"
    with bk.connect(url) as s:
        s.create_topic(other)
        s.copy(topic, s, other, progress=False)
        s.create_subscription(topic, "billing", start="earliest")
    command = ("-c", url, "-o", "jsonl")
    assert sum(row["lag"] for row in rows(run(*command, "lag", "billing", "--topic", topic))) == 3
    found = rows(
        run(*command, "watch", topic, "--where", '"id": 2', "--start", "earliest", "--seconds", "20")
    )
    assert json.loads(found[0]["value"]) == {"id": 2}
    run(*command, "diff", topic, other, "--on", "value")
    assert rows(run(*command, "profile", topic))[0]["rows"] <= 3
    plan = rows(run(*command, "purge", topic, "--keep", "1", "--dry-run"))
    assert sum(row["messages"] for row in plan) == 2
    done = rows(run(*command, "purge", topic, "--keep", "1", "--confirm", topic))
    assert {row["status"] for row in done} == {"done"}
    with bk.connect(url) as s:
        assert len(s.peek(topic)) == 1
    missing = rows(run(*command, "diff", topic, other, "--on", "value", code=8))
    assert [row["change"] for row in missing] == ["added", "added"]
