"""watch and lag, in memory and on real servers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.display.lag import bars, chart
from brokerkit.testing.waiting import eventually
from brokerkit.workbench import Session

SYSTEMS = {
    "inmem": (),
    "nats": (pytest.mark.broker,),
    "kafka": (pytest.mark.broker,),
    "pulsar": (pytest.mark.broker, pytest.mark.extended),
    "servicebus": (pytest.mark.broker, pytest.mark.extended),
}


def opened(system: str, request: pytest.FixtureRequest) -> Session:
    if system == "inmem":
        return bk.connect("inmem://")
    server = request.getfixturevalue(f"{system}_server")
    options = {"admin": server.admin} if system == "pulsar" else {}
    return bk.connect(server.address, **options)


@pytest.fixture(params=[pytest.param(each, marks=marks) for each, marks in SYSTEMS.items()])
def any_s(request: pytest.FixtureRequest) -> Iterator[Session]:
    with closing(opened(request.param, request)) as session:
        yield session


@pytest.fixture
def topic(any_s: Session) -> Iterator[str]:
    name = f"watched-{time.time_ns()}"
    any_s.create_topic(name)
    yield name
    any_s.delete_topic(name, confirm=name)


def later(work: Callable[[], object], seconds: float = 0.5) -> threading.Timer:
    timer = threading.Timer(seconds, work)
    timer.start()
    return timer


@pytest.mark.extended
def test_a_watch_ends_with_the_first_match_in_hand(any_s: Session, topic: str) -> None:
    any_s.publish(topic, {"id": 7, "old": True})
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(
            any_s.watch, topic, where=lambda order: order["id"] == 7, timeout=30, expand=True
        )
        # it may not have begun yet
        for number in range(1_000):
            any_s.publish(topic, {"id": number % 9, "old": False})
            if waiting.done():
                break
        found = waiting.result(40)
    assert found["value.id"].tolist() == [7]
    assert found["value.old"].tolist() == [False]
    assert len(any_s.watch(topic, where="absent", timeout=0.3)) == 0
    assert any_s.last_read is not None
    assert any_s.last_read.stopped == "at the timeout"
    earlier = any_s.watch(
        topic, where=lambda order: order["id"] == 7, start="earliest", timeout=5, expand=True
    )
    assert earlier["value.old"].tolist() == [True]


@pytest.mark.extended
def test_a_watch_skips_nothing_and_does_not_end_early(any_s: Session, topic: str) -> None:
    started = time.monotonic()
    timer = later(lambda: any_s.publish_batch(topic, [f"{n}" for n in range(3_000)] + ["needle", "x"]))
    found = any_s.watch(topic, where="needle", timeout=90)
    timer.join()
    assert list(found["value"]) == ["needle"]
    assert time.monotonic() - started < 60
    timer = later(lambda: any_s.publish(topic, "any", key="k"))
    assert list(any_s.watch(topic, key="k", timeout=90)["value"]) == ["any"]
    timer.join()


@pytest.mark.extended
def test_a_filter_that_fails_is_told_at_the_end(s: Session) -> None:
    s.create_topic("t")
    timer = later(lambda: s.publish("t", {"id": 1}))
    with pytest.warns(bk.FilterWarning, match="KeyError"):
        assert len(s.watch("t", where=lambda order: order["no"], timeout=1.5)) == 0
    timer.join()
    with pytest.raises(bk.NotFound):
        s.watch("none", timeout=1)
    with pytest.raises(bk.ConfigError):
        s.watch("t", where=3, timeout=1)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"start": 1_000}, "1,000 lies after 3, the end of partition 0"),
        ({"start": {1: 4}}, "4 lies after 0, the end of partition 1"),
        ({"start": datetime.now(UTC) + timedelta(hours=1)}, "yet to come"),
        ({"start": {0: datetime.now(UTC) + timedelta(hours=1)}}, "yet to come"),
        ({"interval": None}, "interval must be a number of seconds"),
    ],
)
def test_a_watch_is_refused_that_cannot_begin_where_it_is_told(
    s: Session, how: dict[str, Any], said: str
) -> None:
    s.create_topic("t", partitions=2)
    for number in range(3):
        s.publish("t", f"{number}", partition=0)
    timer = later(lambda: s.publish("t", "before the start", partition=0), 0.05)
    with pytest.raises(bk.ConfigError, match=said):
        s.watch("t", timeout=3, **how)
    timer.join()
    assert list(s.watch("t", start={0: 3, 1: 0}, timeout=3)["value"]) == ["before the start"]


def test_lag_over_time_ends_when_a_group_has_caught_up(any_s: Session, topic: str) -> None:
    if any_s.capabilities.lacks.get("reset", "").startswith("Service Bus"):
        pytest.skip("a queue has no subscriptions")
    model = "record" if "record" in any_s.capabilities.models else "message"
    any_s.create_subscription(topic, "billing", start="earliest", model=model)
    for number in range(30):
        any_s.publish(topic, {"id": number})
    assert list(any_s.lag("billing", topic).total) == [30]
    with ThreadPoolExecutor(1) as pool:
        collecting = pool.submit(any_s.lag, "billing", topic, every=0.1, until=0, progress=False)
        eventually(lambda: collecting.running(), "it collects")
        for _ in range(3):
            any_s.pull(topic, 10, subscription="billing", model=model, timeout=20)
        found = collecting.result(60)
    totals = list(found.total)
    assert totals[-1] == 0
    assert totals == sorted(totals, reverse=True)
    assert "→ 0 in" in repr(found)
    assert "<svg" in (found._repr_html_() or "")
    assert found["time"].is_monotonic_increasing


@pytest.mark.extended
def test_lag_is_collected_for_so_many_seconds_and_names_are_escaped(s: Session) -> None:
    s.create_topic("t")
    s.create_subscription("t", "<b>x</b>", start="earliest")
    s.publish("t", "a")
    found = s.lag("<b>x</b>", every=0.1, seconds=1.5, progress=False)
    assert 2 <= len(found) <= 17
    assert isinstance(found, pd.DataFrame)
    assert found.rate == 0.0
    html = found._repr_html_() or ""
    assert "<b>x</b>" not in html
    with pytest.raises(bk.ConfigError, match="need every="):
        s.lag("<b>x</b>", until=0)
    with pytest.raises(bk.NotFound, match="no subscription 'none'"):
        s.lag("none")


@pytest.mark.parametrize(
    ("values", "drawn"), [([], ""), ([0], "▁"), ([0, 1, 100], "▁▂█"), ([5, 5], "██"), (range(600), None)]
)
def test_bars_show_what_is_there(values: list[int], drawn: str | None) -> None:
    assert bars(values) == drawn or (drawn is None and len(bars(values)) == 60)
    assert chart([float(n) for n in range(len(values))], values).count("<svg") == 1
